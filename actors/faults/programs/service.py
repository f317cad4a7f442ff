"""The service that others ask. usage: service.py PORT [--slow S] [--limit N-per-second] [--tls CERT KEY]

--slow: while the file slow is there. --limit: while the file limit is there.
"""

import argparse
import os
import ssl
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("--slow", type=float, default=0.0)
parser.add_argument("--limit", type=int, default=0)
parser.add_argument("--tls", nargs=2)
options = parser.parse_args()
asked: list[float] = []


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        now = time.monotonic()
        asked[:] = [at for at in asked if now - at < 0.2] + [now]
        if options.slow and os.path.exists("slow"):
            time.sleep(options.slow)
        over = options.limit and os.path.exists("limit") and len(asked) > options.limit
        self.send_response(429 if over else 200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", options.port), Service)
if options.tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*options.tls)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
