"""store PORT FILE: a key-value service. GET and PUT /keys/NAME; what is put is on disk before it is answered.

FILE.lock holds the pid of whoever may write FILE. When that process lives and is another one, store does not start.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

PORT, FILE = int(sys.argv[1]), Path(sys.argv[2])
LOCK_FILE = FILE.with_suffix(".lock")
PREFIX = "/keys/"


class Store:
    """The keys, in memory and in the file."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.keys: dict[str, str] = json.loads(FILE.read_text()) if FILE.exists() else {}

    def put(self, name: str, value: str) -> None:
        """Set a key and write the file in one step."""
        with self.lock:
            self.keys[name] = value
            fresh = FILE.with_suffix(".new")
            fresh.write_text(json.dumps(self.keys))
            fresh.replace(FILE)


class Handler(BaseHTTPRequestHandler):
    """GET and PUT of keys, and /health."""

    store: Store

    def do_GET(self) -> None:
        """Answer with a value."""
        if self.path == "/health":
            self.answer(200, "ok")
        elif self.path.startswith(PREFIX) and self.path.removeprefix(PREFIX) in self.store.keys:
            self.answer(200, self.store.keys[self.path.removeprefix(PREFIX)])
        else:
            self.answer(404, "no such key")

    def do_PUT(self) -> None:
        """Set a value."""
        value = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        self.store.put(self.path.removeprefix(PREFIX), value)
        self.answer(200, "ok")

    def answer(self, status: int, text: str) -> None:
        """Send a text."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's signature
        """Say nothing for each request."""


def check_lock() -> None:
    """End at once when another process has the data."""
    try:
        holder = int(LOCK_FILE.read_text())
        os.kill(holder, 0)
    except (OSError, ValueError):
        return
    if holder != os.getpid():
        sys.exit(f"store: {FILE.name} is in the hands of process {holder}; not starting")


def main() -> None:
    """Take the data, listen, and serve until a signal ends it."""
    check_lock()
    LOCK_FILE.write_text(f"{os.getpid()}\n")
    Handler.store = Store()
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    print(f"store: {len(Handler.store.keys)} keys on 127.0.0.1:{PORT}", flush=True)
    server.serve_forever()


main()
