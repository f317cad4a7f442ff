"""render PORT DIRECTORY: counts the words of the text files of a directory, and keeps what it counted.

GET /words/NAME. POST /leak makes it keep 6 MB more twenty times a second, up to 240 MB; POST /burn makes a thread
compute for ever. Both are what real services do when a cache has no bound and a loop no end.
"""

import json
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT, DIRECTORY = int(sys.argv[1]), Path(sys.argv[2])
STEP_BYTES, STEPS_MAX, PAUSE_S = 6_000_000, 40, 0.05


def leak() -> None:
    """Keep more and more; bytes that are not zero take real memory."""
    kept: list[bytes] = []
    pause = threading.Event()
    while not pause.wait(PAUSE_S):
        if len(kept) < STEPS_MAX:
            kept.append(b"x" * STEP_BYTES)


def burn() -> None:
    """Compute for ever."""
    number = 0
    while True:
        number = (number * 31 + 7) % 1_000_003


class Handler(BaseHTTPRequestHandler):
    """Words of a file, and the ways to go wrong."""

    counted: dict[str, dict[str, int]] = {}  # noqa: RUF012 - shared by all requests on purpose

    def do_GET(self) -> None:
        """Answer with the ten most frequent words."""
        name = self.path.removeprefix("/words/")
        path = DIRECTORY / Path(name).name
        if self.path == "/health":
            self.answer(200, "ok")
        elif not path.is_file():
            self.answer(404, "no such file")
        else:
            if name not in self.counted:
                self.counted[name] = dict(Counter(path.read_text().lower().split()).most_common(10))
            self.answer(200, json.dumps(self.counted[name]))

    def do_POST(self) -> None:
        """Go wrong."""
        target = {"/leak": leak, "/burn": burn}.get(self.path)
        if target is None:
            self.answer(404, "no such fault")
            return
        threading.Thread(target=target, daemon=True).start()
        self.answer(200, "begun")

    def answer(self, status: int, text: str) -> None:
        """Send a text."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's signature
        """Say nothing for each request."""


def main() -> None:
    """Listen and serve until a signal ends it."""
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    print(f"render: words of {DIRECTORY} on 127.0.0.1:{PORT}", flush=True)
    server.serve_forever()


main()
