// Served from the uplot package at this place.
export { default } from 'uplot';
