"""Asks a service at each GET /work. client.json: url, timeout. With --at-start it asks before it serves anybody."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

with open("client.json") as file:
    config = json.load(file)


def ask() -> bytes:
    with urllib.request.urlopen(config["url"], timeout=config["timeout"]) as answer:
        return bytes(answer.read())


def work() -> bytes:
    """RATE questions go out, one after the other; each GET needs them all."""
    for _ in range(int(os.environ.get("RATE", "1"))):
        text = ask()
    with open("answered", "w") as file:
        file.write(time.strftime("%T"))
    return text


class Client(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        try:
            code, text = 200, work() if self.path == "/work" else b"ok\n"
        except Exception as error:
            print(f"{time.strftime('%F %T')} ERROR {type(error).__name__}: {error} ({config['url']})", file=sys.stderr)
            code, text = 502, f"{type(error).__name__}: {error}\n".encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


if "--at-start" in sys.argv:
    ask()
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Client).serve_forever()
