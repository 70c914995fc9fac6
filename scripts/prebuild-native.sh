#!/usr/bin/env bash
# Makes prebuilds/<platform>-<arch>/ with the compiler of the machine that it is for: the addon, and the programs that have
# to lie beside it. The programs of Linux serve both C libraries, and are made, without any, where that is musl.
set -euo pipefail
cd "$(dirname "$0")/.."
system=$(uname -s)
target=prebuilds/$(node -p 'process.platform + "-" + process.arch')
options=(--napi --strip --name procguard)
programs=(procguard-keeper)
if [ "$system" = Linux ]; then
  options+=(--tag-libc)
  # A user's machine may have an older C++ library.
  export LDFLAGS='-static-libstdc++ -static-libgcc'
fi
npx prebuildify "${options[@]}"

if [ "$system" = Linux ]; then
  programs=()
  if [ -e /etc/alpine-release ]; then
    programs=(procguard-keeper procguard-run)
    rm "${programs[@]/#/build/Release/}"
    LDFLAGS=-static make --directory build BUILDTYPE=Release "${programs[@]}"
  fi
fi
for program in "${programs[@]}"; do
  # Windows has no keeper.
  [ -e "build/Release/$program" ] || continue
  cp "build/Release/$program" "$target/"
  strip "$target/$program"
done
ls -l "$target"
