import fs = require('node:fs');
import path = require('node:path');

/** The native addon, and the folder in which it and its programs lie. */
interface Loaded {
  addon: unknown;
  folder: string;
}

/** Loads the addon of the package in `root`: a build of one's own before a prebuild. Throws what the loader says. */
function loadAddon(root: string): Loaded {
  const file = findAddon(root);
  try {
    return load(file);
  } catch (error) {
    const other = otherLibrary(file);
    if (other === undefined) throw error;
    try {
      return load(other);
    } catch {
      throw error;
    }
  }
}

function findAddon(root: string): string {
  // What node-gyp-build would find as well, two milliseconds later.
  const built = path.join(root, 'build/Release/procguard.node');
  if (!process.env.PREBUILDS_ONLY && fs.existsSync(built)) return built;
  const { resolve } = require('node-gyp-build') as { resolve(folder: string): string };
  return resolve(root);
}

// node-gyp-build knows musl by a file of Alpine. There are other systems with musl, and Nodes for glibc on Alpine.
function otherLibrary(file: string): string | undefined {
  const [, start, library] = /^(.*)\.(glibc|musl)\.node$/.exec(file) ?? [];
  const other = `${start}.${library === 'musl' ? 'glibc' : 'musl'}.node`;
  return library !== undefined && fs.existsSync(other) ? other : undefined;
}

function load(file: string): Loaded {
  return { addon: require(file), folder: path.dirname(file) };
}

export = { loadAddon };
