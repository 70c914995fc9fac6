"""What pythonia calls in `npm run bench -- requests`."""

import base64
import json


def echo(value):
    return value


def echo_text(text):
    return json.dumps(json.loads(text))


def echo_bytes(text):
    return base64.b64encode(base64.b64decode(text)).decode("ascii")
