#!/usr/bin/env bash
# Makes prebuilds/<platform>-<arch>/ for this machine: the addon, and the keeper that has to lie beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
npx prebuildify --napi --strip
target=prebuilds/$(node -p 'process.platform + "-" + process.arch')
cp build/Release/procguard-keeper "$target/"
strip "$target/procguard-keeper"
ls -l "$target"
