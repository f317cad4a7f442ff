"""Takes the place of a program that is not on this machine.

Notes its arguments and environment in a file of the folder $RAN, serves HTTP on the socket or port it was given, and
ends with code 0 when it is asked to.
"""

import http.server
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ.get("GYROSTAT_WORKLOAD", "").encode())

    def log_message(self, *_):
        pass


def listening():
    if "--fd" in sys.argv:
        return socket.socket(fileno=int(sys.argv[sys.argv.index("--fd") + 1]))
    if "PORT" in os.environ:
        return socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
    return None


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    signal.signal(signal.SIGQUIT, lambda *_: os._exit(0))
    name = os.environ["GYROSTAT_WORKLOAD"]
    note = {"argv": sys.argv, "env": dict(os.environ), "cwd": str(Path.cwd())}
    file = Path(os.environ["RAN"]) / f"{name}.json"
    file.with_suffix(".new").write_text(json.dumps(note))
    file.with_suffix(".new").rename(file)
    served = listening()
    if served is None:
        threading.Event().wait()
        return
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer, bind_and_activate=False)
    server.socket.close()
    server.socket = served
    server.serve_forever()


main()
