/** The Node worker of `npm run bench -- requests`. It ends when its host disconnects. */
process.on('message', (value) => process.send?.(value));
process.send?.('ready');
