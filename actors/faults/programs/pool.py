"""Works with WORKERS buffers at a time, and with OPEN files at a time. One round each 0.1 s; any failure ends it."""

import os
import sys
import time

workers = int(os.environ.get("WORKERS", "4"))
size = int(open("size").read())
count = int(open("open").read())


def fill(number: int) -> bytearray:
    return bytearray(size * 1_000_000)


def one_round() -> None:
    buffers = [fill(number) for number in range(workers)]
    files = [open(os.devnull) for _ in range(count)]
    for file in files:
        file.close()
    del buffers


print(f"pool: {workers} workers", file=sys.stderr, flush=True)
while True:
    one_round()
    open("rounds", "w").write(f"{workers}\n")
    time.sleep(0.1)
