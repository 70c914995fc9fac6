#!/usr/bin/env bash
# Builds prebuilds/<TARGET>/procguard.node for Windows on another system, by default with MinGW-w64 (Debian:
# g++-mingw-w64-x86-64-posix). Another compiler, or win32-arm64, by variables:
#
#   TARGET=win32-arm64 CXX_WINDOWS='zig c++ -target aarch64-windows-gnu' DLLTOOL='zig dlltool -m arm64' scripts/build-windows.sh
set -euo pipefail
cd "$(dirname "$0")/.."
target=${TARGET:-win32-x64}
read -ra compiler <<< "${CXX_WINDOWS:-x86_64-w64-mingw32-g++-posix}"
read -ra dlltool <<< "${DLLTOOL:-x86_64-w64-mingw32-dlltool}"
output=${OUTPUT:-prebuilds/$target}
work=node_modules/.cache/build-windows/$target
mkdir -p "$output" "$work"

# What node.exe exports: Node-API as its headers list it, and what we use of libuv.
{
  echo 'LIBRARY node.exe'
  echo 'EXPORTS'
  grep -hE '^ *napi_|^ *node_api_' node_modules/node-api-headers/def/*.def
  grep -ohE '\buv_[a-z_]+\(' native/*.cc native/windows/*.cc | tr -d '(' | sort -u
} > "$work/node.def"
"${dlltool[@]}" -d "$work/node.def" -l "$work/libnode.a"

# libuv's headers come with those of Node.
headers=${NODE_HEADERS:-$(dirname "$(dirname "$(realpath "$(command -v node)")")")/include/node}
napi=$(node -p "require('node-addon-api').include_dir")
flags=(-std=c++17 -O2 -Wall -Wextra -Werror -fvisibility=hidden -DNAPI_VERSION=8 -DBUILDING_NODE_EXTENSION
  -DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS -DNODE_ADDON_API_DISABLE_DEPRECATED
  -D_WIN32_WINNT=0x0A00 -DWIN32_LEAN_AND_MEAN -DNOMINMAX -DUNICODE
  -Inative "-isystem$headers" "-isystem$napi")

# Objects of another compiler don't fit.
if [ "$(cat "$work/compiler" 2> /dev/null || true)" != "${compiler[*]}" ]; then
  rm -f "$work"/*.o
  echo "${compiler[*]}" > "$work/compiler"
fi
sources=(native/addon.cc native/loop_watch.cc native/sample_job.cc native/snapshot_job.cc native/windows/*.cc)
objects=()
for source in "${sources[@]}"; do
  object="$work/$(echo "${source%.cc}" | tr / _).o"
  objects+=("$object")
  if [ "$object" -nt "$source" ] && [ -z "$(find native -name '*.h' -newer "$object")" ]; then continue; fi
  echo "$source"
  "${compiler[@]}" "${flags[@]}" -c "$source" -o "$object"
done
# Nothing of the compiler's own runtime is left to be found on the user's machine.
"${compiler[@]}" -shared -static -s -o "$output/procguard.node" "${objects[@]}" "$work/libnode.a" -lws2_32
ls -l "$output/procguard.node"
