"""Keeps entries in state.db; GET /work writes one and reads the sum."""

import logging
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
log = logging.getLogger("ledger")


def work() -> int:
    db = sqlite3.connect("state.db", timeout=0.1)
    try:
        with db:
            db.execute("INSERT INTO entries(amount) VALUES (1)")
        return int(db.execute("SELECT sum(amount) FROM entries").fetchone()[0])
    finally:
        db.close()


class Ledger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        try:
            code, text = 200, f"{work()}\n"
        except Exception:
            log.exception("an entry was refused")
            code, text = 500, "refused\n"
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


if not Path("state.db").exists():
    raise FileNotFoundError(2, "No such file or directory", "state.db")
if len(sys.argv) > 2 and sys.argv[2] == "--check":
    work()
HTTPServer(("127.0.0.1", int(sys.argv[1])), Ledger).serve_forever()
