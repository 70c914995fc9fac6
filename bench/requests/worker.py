"""The pool's worker in `npm run bench -- requests`."""

import procguard


@procguard.handler
def echo(value):
    return value


procguard.serve()
