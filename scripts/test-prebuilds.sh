#!/usr/bin/env bash
# Makes the prebuilds of all platforms, packs the package, and tests it as users get it.
set -euo pipefail
cd "$(dirname "$0")/.."
npm run --silent prebuild
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
TEST_TARBALL=$folder/$(npm pack --silent --pack-destination "$folder" | tail -n 1)
TEST_TARBALL=$TEST_TARBALL npx ava
echo 'The guard, with the prebuilds of this checkout:'
PREBUILDS_ONLY=1 npx ava dist/test/guard/host-death.test.js dist/test/guard/kill-tree.test.js
