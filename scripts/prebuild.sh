#!/usr/bin/env bash
# Makes prebuilds/<platform>-<arch>/ for this machine: the addon, and the programs that have to lie beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
npx prebuildify --napi --strip
target=prebuilds/$(node -p 'process.platform + "-" + process.arch')
for program in procguard-keeper procguard-run; do
  cp "build/Release/$program" "$target/"
  strip "$target/$program"
done
ls -l "$target"
