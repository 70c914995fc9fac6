#!/usr/bin/env bash
# Cross-builds prebuilds/<platform>-<arch>/ for the platforms that are named, or for all of them, on Linux with Zig.
set -euo pipefail
cd "$(dirname "$0")/.."
zig=$(bash scripts/fetch-zig.sh)
export ZIG_GLOBAL_CACHE_DIR=$PWD/node_modules/.cache/zig/cache

build() {
  case $1 in
    linux-*) bash scripts/build-linux.sh "${1#*-}" ;;
    darwin-*) bash scripts/build-darwin.sh "${1#*-}" ;;
    win32-x64) TARGET=$1 CXX_WINDOWS="$zig c++ -target x86_64-windows-gnu" DLLTOOL="$zig dlltool -m i386:x86-64" \
      bash scripts/build-windows.sh ;;
    win32-arm64) TARGET=$1 CXX_WINDOWS="$zig c++ -target aarch64-windows-gnu" DLLTOOL="$zig dlltool -m arm64" \
      bash scripts/build-windows.sh ;;
    *) echo "There is no prebuild for $1." >&2 && return 64 ;;
  esac
}

[ $# -gt 0 ] || set -- linux-x64 darwin-arm64 linux-arm64 darwin-x64 win32-x64 win32-arm64
if [ $# -eq 1 ]; then
  build "$1"
else
  printf '%s\n' "$@" | xargs -n 1 -P "$(nproc)" bash scripts/prebuild.sh
fi
