/*
 * What npm runs where the package has been unpacked, or in a checkout: nothing where a prebuild can be loaded, else a build.
 * node-gyp-build alone would try one prebuild, chosen by a file of Alpine, and build where that is for another C library.
 */
'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

// Elsewhere nothing is guarded, and there is nothing to build.
const guarded = ['linux', 'darwin', 'win32'];
const folder = path.join(__dirname, '../prebuilds', `${process.platform}-${process.arch}`);

function hasPrebuild() {
  // As node-gyp-build reads it: `npm install --build-from-source`, or with the name of one package.
  const { npm_config_build_from_source: fromSource } = process.env;
  if (fromSource === 'true' || fromSource === 'procguard' || !fs.existsSync(folder)) return false;
  return fs.readdirSync(folder).some((name) => name.endsWith('.node') && canLoad(path.join(folder, name)));
}

function canLoad(file) {
  try {
    require(file);
    return true;
  } catch {
    return false; // for another C library, or an older system than it needs
  }
}

if (guarded.includes(process.platform) && !hasPrebuild()) {
  const { status, error } = spawnSync(process.execPath, [require.resolve('node-gyp-build/bin.js')], {
    stdio: 'inherit',
  });
  if (error !== undefined) throw error;
  process.exitCode = status ?? 1;
}
