"""The server: /list in pages of 1,000 names with size, time and checksum, /get/NAME a file."""

import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ROOT = Path("served")
PAGE = 1000


def entries():
    for path in sorted(ROOT.rglob("*.csv")):
        raw, found = path.read_bytes(), path.stat()
        name = path.relative_to(ROOT).as_posix()
        yield {"name": name, "size": len(raw), "changed": found.st_mtime, "md5": hashlib.md5(raw).hexdigest()}


FILES = list(entries())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        asked = urlsplit(self.path)
        if asked.path == "/ready":
            self.say(b"ready")
        elif asked.path == "/list":
            start = int(parse_qs(asked.query).get("from", ["0"])[0])
            following = f"/list?from={start + PAGE}" if start + PAGE < len(FILES) else None
            self.say(json.dumps({"files": FILES[start : start + PAGE], "next": following}).encode())
        else:
            path = ROOT / asked.path.removeprefix("/get/")
            self.say(path.read_bytes(), path.stat().st_mtime) if path.is_file() else self.send_error(404)

    def say(self, body, changed_s=0.0):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Changed", str(changed_s))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
