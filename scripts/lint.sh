#!/usr/bin/env bash
# Lint and format of TypeScript, C++, Python and shell; with --fix, mends what can be mended.
set -euo pipefail
cd "$(dirname "$0")/.."
fix=${1:-}

mapfile -t native < <(git ls-files 'native/*.cc' 'native/*.h' 'test/*.cc' 'test/*.c' 'bench/*.c')
mapfile -t python < <(git ls-files '*.py')

if [ "$fix" = --fix ]; then
  npx biome check --write .
  clang-format -i "${native[@]}"
  black --quiet --line-length 110 "${python[@]}"
else
  npx biome check --error-on-warnings .
  clang-format --dry-run -Werror "${native[@]}"
  black --check --line-length 110 "${python[@]}"
fi
shellcheck watchdog/*.sh scripts/*.sh bin/procguard-run .ci/run
# Programs inside of the tests' strings may be wider.
flake8 --max-line-length 140 --per-file-ignores 'python/tests/*:E501' --extend-ignore E203,W503 "${python[@]}"
