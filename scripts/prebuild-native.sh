#!/usr/bin/env bash
# Makes prebuilds/<platform>-<arch>/ with the compiler of the machine that it is for: the addon, and the programs that have
# to lie beside it. What `npm run prebuild` makes on one machine for all doesn't need this; a release may prefer it.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(--napi --strip --name procguard)
[ "$(uname -s)" != Linux ] || options+=(--tag-libc)
npx prebuildify "${options[@]}"
target=prebuilds/$(node -p 'process.platform + "-" + process.arch')
for program in procguard-keeper procguard-run; do
  [ -e "build/Release/$program" ] || continue
  cp "build/Release/$program" "$target/"
  strip "$target/$program"
done
ls -l "$target"
