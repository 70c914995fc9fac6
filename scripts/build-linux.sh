#!/usr/bin/env bash
# Cross-builds prebuilds/linux-<arch>/, for glibc 2.28 and later and for musl: build-linux.sh [x64|arm64]...
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- x64 arm64
ZIG=$(bash scripts/fetch-zig.sh)
export ZIG_GLOBAL_CACHE_DIR=$PWD/node_modules/.cache/zig/cache

# libuv's headers come with those of Node.
make --silent --jobs "$(nproc)" --file scripts/prebuild.mk "ZIG=$ZIG" \
  "NODE_HEADERS=${NODE_HEADERS:-$(dirname "$(dirname "$(realpath "$(command -v node)")")")/include/node}" \
  "NAPI_HEADERS=$(node -p "require('node-addon-api').include_dir")" "${@/#/linux-}"
