#!/usr/bin/env bash
# Builds prebuilds/darwin-x64 and prebuilds/darwin-arm64 on Linux, with Zig's compiler and the headers of macOS that it
# brings. Takes the names of chips: arm64, x64; without, builds for both.
set -euo pipefail
cd "$(dirname "$0")/.."
zig=$(bash scripts/fetch-zig.sh)
[ $# -gt 0 ] || set -- arm64 x64

# libuv's headers come with those of Node.
headers=${NODE_HEADERS:-$(dirname "$(dirname "$(realpath "$(command -v node)")")")/include/node}
napi=$(node -p "require('node-addon-api').include_dir")
flags=(-std=c++17 -Os -g0 -Wall -Wextra -Werror -fvisibility=hidden -Inative)
addon_flags=(-DNAPI_VERSION=8 -DBUILDING_NODE_EXTENSION -DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS
  -DNODE_ADDON_API_DISABLE_DEPRECATED "-isystem$headers" "-isystem$napi")
keeper_flags=(-fno-exceptions -fno-rtti -fno-threadsafe-statics)
addon=(native/addon.cc native/guarded_process.cc native/loop_watch.cc native/node_handle.cc native/sample_job.cc
  native/snapshot_job.cc native/darwin/*.cc)
keeper=(native/darwin/keeper/*.cc native/darwin/{process_events,processes,started_with}.cc)

objects=()
# compile <folder> <flags of the compiler...> -- <sources...>: sets objects
compile() {
  local folder=$1 options=() object
  shift
  while [ "$1" != -- ]; do options+=("$1") && shift; done
  shift
  objects=()
  mkdir -p "$folder"
  for source in "$@"; do
    object=$folder/$(echo "${source%.cc}" | tr / _).o
    objects+=("$object")
    if [ "$object" -nt "$source" ] && [ -z "$(find native -name '*.h' -newer "$object")" ]; then continue; fi
    "$zig" c++ "${flags[@]}" "${options[@]}" -c "$source" -o "$object"
  done
}

for chip in "$@"; do
  case $chip in
    arm64) machine=aarch64 ;;
    x64) machine=x86_64 ;;
    *) echo "unknown chip: $chip" >&2 && exit 64 ;;
  esac
  # What MACOSX_DEPLOYMENT_TARGET says in binding.gyp.
  target=(-target "$machine-macos.11.0")
  work=node_modules/.cache/build-darwin/$chip
  out=prebuilds/darwin-$chip
  mkdir -p "$out"
  compile "$work/addon" "${target[@]}" "${addon_flags[@]}" -- "${addon[@]}"
  # Node's functions are found in the program that loads the addon.
  "$zig" c++ "${target[@]}" -shared -s -Wl,-dead_strip -Wl,-undefined,dynamic_lookup \
    -Wl,-install_name,@rpath/procguard.node -o "$work/procguard.dylib" "${objects[@]}"
  compile "$work/keeper" "${target[@]}" "${keeper_flags[@]}" -- "${keeper[@]}"
  "$zig" c++ "${target[@]}" -s -Wl,-dead_strip -o "$work/procguard-keeper" "${objects[@]}"
  cp "$work/procguard.dylib" "$out/procguard.node"
  cp "$work/procguard-keeper" "$out/procguard-keeper"
  ls -l "$out"
done
