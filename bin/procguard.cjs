#!/usr/bin/env node
'use strict';
// `run` is to take no longer than it must, and this process is soon another program: it gets by without the rest.
const [command, ...args] = process.argv.slice(2);
if (command !== 'run' || !require('../dist/lib/cli/run.cjs').replaceByRun(args)) {
  import('../dist/lib/cli/main.js').then(({ main }) => main(process.argv.slice(2)));
}
