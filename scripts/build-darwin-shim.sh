#!/usr/bin/env bash
# Builds the guard of macOS for Linux, on the calls of test/native/darwin: procguard.node and procguard-keeper in the folder
# that is given. Only for tests.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$1
compiler=${CXX:-g++}
work=node_modules/.cache/build-darwin-shim
mkdir -p "$work" "$out"

napi=$(node -p "require('node-addon-api').include_dir")
headers=${NODE_HEADERS:-$(dirname "$(dirname "$(realpath "$(command -v node)")")")/include/node}
flags=(-std=c++17 -O1 -g -fPIC -Wall -Wextra -Werror -fvisibility=hidden -DPROCGUARD_DARWIN -Itest/native/darwin/include
  -Inative "-isystem$headers" "-isystem$napi" -DNAPI_VERSION=8 -DNODE_GYP_MODULE_NAME=procguard
  -DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS -DNODE_ADDON_API_DISABLE_DEPRECATED)
shim=(test/native/darwin/*.cc)
keeper=(native/darwin/keeper/*.cc native/darwin/{process_events,processes,started_with}.cc)
addon=(native/addon.cc native/guarded_process.cc native/loop_watch.cc native/node_handle.cc native/sample_job.cc
  native/snapshot_job.cc native/posix/*.cc native/darwin/*.cc)

object_of() { echo "$work/$(echo "${1%.cc}" | tr / _).o"; }
for source in "${shim[@]}" "${keeper[@]}" "${addon[@]}"; do
  object=$(object_of "$source")
  newer=$(find native test/native/darwin -name '*.h' -newer "$object" 2> /dev/null || echo none)
  if [ "$object" -nt "$source" ] && [ -z "$newer" ]; then continue; fi
  "$compiler" "${flags[@]}" -c "$source" -o "$object"
done
link() { # link <flags...> -- <sources...>
  local options=() objects=()
  while [ "$1" != -- ]; do options+=("$1") && shift; done
  shift
  for source in "$@"; do objects+=("$(object_of "$source")"); done
  "$compiler" "${options[@]}" "${objects[@]}"
}
link -o "$out/procguard-keeper" -- "${keeper[@]}" "${shim[@]}"
link -shared -pthread -o "$out/procguard.node" -- "${addon[@]}" "${shim[@]}"
