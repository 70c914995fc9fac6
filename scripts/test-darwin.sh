#!/usr/bin/env bash
# Runs tests against the guard of macOS on Linux, in a copy of the package whose addon is that one: see
# test/native/darwin/README.md. Takes ava's arguments; without, runs the files that test/darwin/files.json names.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npx tsc -p tsconfig.json
mkdir -p "$work/build/Release"
bash scripts/build-darwin-shim.sh "$work/build/Release"
cp -r package.json ava.config.js dist bin watchdog python test "$work/"
ln -s "$PWD/node_modules" "$work/node_modules"

from_list() { node -p "const list = require('./test/darwin/files.json'); ($1).join('\n')"; }
mapfile -t files < <(from_list "[...list.files, ...Object.keys(list.shimOnly)].map((file) => file.replace(/^(.*)\.ts$/, 'dist/\$1.js'))")
mapfile -t skipped < <(from_list "Object.keys(list.tests).map((title) => '--match=!' + title + '*')")
from_list "Object.entries(list.tests).map(([title, reason]) => 'Skipped on the shim: ' + title + ': ' + reason)"
[ $# -gt 0 ] || set -- "${files[@]}"
cd "$work"
npx ava --concurrency=1 "${skipped[@]}" "$@"
