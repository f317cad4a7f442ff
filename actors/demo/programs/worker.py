"""worker PORT INBOX OUTBOX: writes the SHA-256 of every file that comes into INBOX to OUTBOX, then removes the file.

GET /health says how long ago the loop went round; 503 when that is more than 5 s.
"""

import hashlib
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT, INBOX, OUTBOX = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
LATE_S = 5.0


class Handler(BaseHTTPRequestHandler):
    """Answers /health."""

    round_s = time.monotonic()

    def do_GET(self) -> None:
        """Say how old the latest round is."""
        age_s = time.monotonic() - Handler.round_s
        body = f"last round {age_s:.3f} s ago\n".encode()
        self.send_response(200 if age_s < LATE_S else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's signature
        """Say nothing for each request."""


def work(path: Path) -> None:
    """Write the checksum of one file in one step, then remove the file."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    fresh = OUTBOX / f".{path.name}.new"
    fresh.write_text(f"{digest}  {path.name}\n")
    fresh.replace(OUTBOX / f"{path.name}.sha256")
    path.unlink()
    print(f"worker: {path.name} {digest[:12]}", flush=True)


def main() -> None:
    """Look into the inbox ten times a second until a signal ends it."""
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pause = threading.Event()
    while True:
        Handler.round_s = time.monotonic()
        for path in sorted(INBOX.glob("[!.]*")):
            work(path)
        pause.wait(0.1)


main()
