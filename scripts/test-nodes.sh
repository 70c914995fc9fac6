#!/usr/bin/env bash
# Runs the tests on the newer Nodes that test/nodes installs, with the addon that is there: one addon serves them all. What
# runs on each of them by itself, or on no Node of ours, is left out.
set -euo pipefail
cd "$(dirname "$0")/.."

left_out=(
  'dist/test/conformance/**'  # runs on each Node that is installed
  'dist/test/windows/**'      # npm run test:windows
  'dist/test/prebuilds/**'    # npm run test:prebuilds, which tries each Node
  'dist/test/darwin/**'       # npm run test:darwin
  dist/test/bench.test.js     # measures
  dist/test/docs.test.js      # examples of what the other tests try
  dist/test/python.test.js    # tests of the Python SDK
  dist/test/skipped.test.js   # reads files
  dist/test/workflows.test.js # reads files
  dist/test/spawn-many.test.js # the limits of the machine
  dist/test/telemetry/grafana.test.js # Prometheus
  'dist/test/admin/{page,many}.test.js' # a browser
)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
[ $# -gt 0 ] || set -- 24 26
for major in "$@"; do
  ln -sfn "$PWD/test/nodes/node_modules/node-$major/bin/node" "$folder/node"
  echo "Node $("$folder/node" --version)"
  # Four files at a time, since tests wait more than they compute. What the tests start as `node` is this one, too.
  PATH=$folder:$PATH node node_modules/ava/entrypoints/cli.mjs --concurrency=4 'dist/test/**/*.test.js' "${left_out[@]/#/!}"
done
