"""A small shop over HTTP. Orders go by one lock, as its author had it; POST does what goes wrong in such programs."""

import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

books = threading.Lock()
kept: list[object] = []


def leak() -> None:
    while True:
        kept.append(bytearray(os.urandom(1)) * 8_000_000)
        time.sleep(0.1)


def hog() -> None:
    while True:
        sum(range(10_000))


def fds() -> None:
    while True:
        kept.extend(open(os.devnull) for _ in range(40))  # noqa: SIM115
        time.sleep(0.1)


def threads() -> None:
    while True:
        for _ in range(20):
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        time.sleep(0.1)


def zombies() -> None:
    while True:
        kept.extend(subprocess.Popen(["true"]) for _ in range(8))
        time.sleep(0.1)


def deadlock() -> None:
    books.acquire()


def flood() -> None:
    while True:
        print("ERROR retrying at once: the queue did not answer", file=sys.stderr, flush=True)


def burst() -> None:
    for number in range(40):
        try:
            raise TimeoutError(f"order {number}: the bank did not answer in time")
        except TimeoutError:
            import traceback

            traceback.print_exc()
    print("the bank answers again", file=sys.stderr, flush=True)


def spike() -> None:
    end = time.monotonic() + 0.5
    heap = bytearray(os.urandom(1)) * 150_000_000
    while time.monotonic() < end:
        sum(range(10_000))
    del heap


class Shop(BaseHTTPRequestHandler):
    slow = 0.0

    def do_GET(self) -> None:
        if self.path == "/work":
            with books:
                wait, Shop.slow = Shop.slow, 0.0
                time.sleep(wait)
        self.answer(b"42 orders\n")

    def do_POST(self) -> None:
        if self.path == "/slow":
            Shop.slow = 0.7
        else:
            threading.Thread(target=globals()[self.path[1:]], daemon=True).start()
        self.answer(b"so be it\n")

    def answer(self, text: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
