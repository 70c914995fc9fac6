#!/usr/bin/env bash
# Runs tests against the guard of macOS on Linux: see test/native/darwin/README.md. In a copy of the package, whose addon is
# that one. Takes ava's arguments; without, runs what test/darwin/files.txt names.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npx tsc -p tsconfig.json
mkdir -p "$work/build/Release"
bash scripts/build-darwin-shim.sh "$work/build/Release"
cp -r package.json ava.config.js dist bin watchdog python test "$work/"
ln -s "$PWD/node_modules" "$work/node_modules"
if [ $# -eq 0 ]; then mapfile -t files < <(grep -v '^#' test/darwin/files.txt) && set -- "${files[@]}"; fi
cd "$work"
npx ava --concurrency=1 "$@"
