#!/usr/bin/env bash
# Cross-builds prebuilds/<platform>-<arch>/ for the platforms that are named, or for all of them, on Linux with Zig.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# -eq 0 ]; then
  set -- linux-x64 linux-arm64 win32-x64 win32-arm64
  [ ! -d native/darwin ] || set -- "$@" darwin-x64 darwin-arm64
fi
ZIG=$(bash scripts/fetch-zig.sh)
export ZIG_GLOBAL_CACHE_DIR=$PWD/node_modules/.cache/zig/cache

# libuv's headers come with those of Node.
make --silent --jobs "$(nproc)" --file scripts/prebuild.mk "ZIG=$ZIG" \
  "NODE_HEADERS=${NODE_HEADERS:-$(dirname "$(dirname "$(realpath "$(command -v node)")")")/include/node}" \
  "NAPI_HEADERS=$(node -p "require('node-addon-api').include_dir")" "$@"
