"""Loads what it needs only when somebody asks for it. usage: lazy.py PORT"""

import json
import sys
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer

sys.path.insert(0, "lib")


def work() -> str:
    from acmelib import render

    with open("data.json") as file:
        names = json.load(file)["names"]
    with open("disk/last", "a") as out:
        out.write("x" * 2000)
    return render(names)


class Lazy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        try:
            code, text = 200, work() if self.path == "/work" else "ok"
        except Exception:
            traceback.print_exc()
            code, text = 500, "no\n"
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


HTTPServer(("127.0.0.1", int(sys.argv[1])), Lazy).serve_forever()
