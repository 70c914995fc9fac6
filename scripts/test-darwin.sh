#!/usr/bin/env bash
# Runs tests against the guard of macOS on Linux, in a copy of the package whose addon is that one: see
# test/native/darwin/README.md. Takes ava's arguments; without, runs the files that test/darwin/skipped.json names for it.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npx tsc -p tsconfig.json
mkdir -p "$work/build/Release"
bash scripts/build-darwin-shim.sh "$work/build/Release"
cp -r package.json ava.config.js dist bin watchdog python test "$work/"
ln -s "$PWD/node_modules" "$work/node_modules"

from_list() { node -p "const { shim, tests } = require('./test/darwin/skipped.json'); ($1).join('\n')"; }
mapfile -t files < <(from_list "shim.files.map((file) => file.replace(/^(.*)\.ts$/, 'dist/\$1.js'))")
mapfile -t skipped < <(from_list "[tests, shim.tests].flatMap(Object.values).flatMap(Object.keys).map((title) => '--match=!' + title + '*')")
node test/name-skipped.mjs darwin
[ $# -gt 0 ] || set -- "${files[@]}"
cd "$work"
npx ava --concurrency=1 "${skipped[@]}" "$@"
