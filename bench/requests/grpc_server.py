"""A gRPC server whose one method echoes: a worker of `npm run bench -- requests`. It ends with its stdin."""

import concurrent.futures
import json
import sys

import grpc


def echo(request, context):
    return request


def echo_json(request, context):
    return json.dumps(json.loads(request)).encode()


method = grpc.unary_unary_rpc_method_handler(echo if sys.argv[1] == "bytes" else echo_json)
server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=4))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Worker", {"Echo": method}),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
sys.stdin.read()
server.stop(None).wait(1)
