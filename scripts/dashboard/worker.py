"""A worker of the pools in the pictures: it computes a little, and waits a little."""

import random
import subprocess
import sys
import time

import procguard

tokenizer = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)


def work(cpu_seconds, seconds):
    until = time.process_time() + cpu_seconds
    while time.process_time() < until:
        pass
    time.sleep(seconds)


@procguard.handler
def embed(text):
    work(0.004, random.uniform(0.03, 0.25))


@procguard.handler
def rerank(query):
    work(0.006, random.uniform(0.2, 0.6))


@procguard.handler
def summarize(text):
    print("WARNING: the input has 9,412 tokens and is cut to 8,192", file=sys.stderr, flush=True)
    work(0.02, random.uniform(2, 5))


procguard.serve()
