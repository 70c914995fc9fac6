#!/usr/bin/env bash
# Builds the native code under the address, undefined-behavior and thread sanitizers, outside the tree, and runs it.
# Needs g++ with its sanitizer libraries. Exits with 0 only if nothing was reported.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rounds=${ROUNDS:-25}

linux=("$root"/native/posix/*.cc "$root"/native/linux/{adopted_children,cgroup,guard_state,identity,keeper_process,kernel,launch,process_table,procfs,sample,sighting,spawner,tree_use}.cc)
keeper=("$root"/native/keeper/*.cc "$root/native/linux/procfs.cc")
warnings=(-std=c++17 -Wall -Wextra -Werror -g -O1 -fno-omit-frame-pointer)
napi=$(cd "$root" && node -p "require('node-addon-api').include_dir")
node_headers=$(dirname "$(node -p "
  const fs = require('node:fs'), path = require('node:path');
  const prefix = path.resolve(process.execPath, '../..');
  [path.join(prefix, 'include/node/node_api.h'), '/usr/include/node/node_api.h', '/usr/local/include/node/node_api.h']
    .find((file) => fs.existsSync(file)) ?? ''")")

say() { printf '\n== %s\n' "$1"; }

# What a sanitizer finds in the keeper goes to a file: the keeper has no stderr.
export ASAN_OPTIONS="detect_leaks=0:log_path=$work/report:abort_on_error=0"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:log_path=$work/report"
export TSAN_OPTIONS="log_path=$work/report:halt_on_error=1"

build() { # build <name> <sanitizer>
  say "$1: build"
  g++ "${warnings[@]}" "-fsanitize=$2" -I"$root/native" -I"$node_headers" "${keeper[@]}" -o "$work/procguard-keeper"
  g++ "${warnings[@]}" "-fsanitize=$2" -I"$root/native" -I"$node_headers" -pthread \
    "$root/test/native/spawner_test.cc" "${linux[@]}" -o "$work/spawner_test"
}

check() {
  if compgen -G "$work/report.*" > /dev/null; then
    cat "$work"/report.*
    exit 1
  fi
}

build 'thread sanitizer' thread
timeout 120 "$work/spawner_test" "$work/procguard-keeper" "$rounds"
check

build 'address and undefined-behavior sanitizers' address,undefined
timeout 120 "$work/spawner_test" "$work/procguard-keeper" "$rounds"
check

say 'procguard run, under the address and undefined-behavior sanitizers'
g++ "${warnings[@]}" -fsanitize=address,undefined -I"$root/native" "$root"/native/run/{main,parent,signals,tree}.cc \
  "$root"/native/linux/{cgroup,identity,keeper_process,kernel,launch,procfs}.cc -o "$work/procguard-run"
for expected in 0 3; do
  code=0
  timeout 60 "$work/procguard-run" run --grace=100 -- sh -c "(setsid sleep 1000 &); exit $expected" || code=$?
  [ "$code" = "$expected" ]
done
check

say 'the addon in Node, under the address and undefined-behavior sanitizers'
mkdir -p "$work/package/build/Release"
g++ "${warnings[@]}" -fsanitize=address,undefined -shared -fPIC -DNAPI_VERSION=8 -DNODE_GYP_MODULE_NAME=procguard \
  -DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS -DNODE_ADDON_API_DISABLE_DEPRECATED \
  -I"$root/native" -I"$napi" -I"$node_headers" "$root"/native/*.cc "$root"/native/linux/{child,exec,exit_watch,exports}.cc "${linux[@]}" \
  -o "$work/package/build/Release/procguard.node"
cp "$work/procguard-keeper" "$work/package/build/Release/"
cp -r "$root/package.json" "$root/dist" "$work/package/"
ln -s "$root/node_modules" "$work/package/node_modules"
LD_PRELOAD="$(g++ -print-file-name=libasan.so):$(g++ -print-file-name=libubsan.so)" \
  timeout 300 node "$root/test/native/exercise.mjs" "$work/package/dist/lib/index.js"
check
say 'clean'
