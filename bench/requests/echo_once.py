"""Echoes the JSON of its argument, once: for python-shell's run() in `npm run bench -- requests`."""

import json
import sys

print(json.dumps(json.loads(sys.argv[1])))
