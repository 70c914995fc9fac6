import { colorOf } from './colors.js';
import type uPlot from './vendor/uplot.js';

/** One value a second; null where there is none. */
export type Values = readonly (number | null)[];

export function seriesOf(label: string, color: string, isFilled: boolean): uPlot.Series {
  const stroke = colorOf(color);
  return {
    label,
    stroke,
    width: 1.5,
    points: { show: false },
    ...(isFilled ? { fill: stroke.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.12)') } : {}),
  };
}

/** The upper end of a scale. An empty chart has one, too. */
export function roomAbove(max: number | null): number {
  return max === null || max <= 0 ? 1 : max * 1.15;
}
