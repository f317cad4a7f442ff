"""web PORT DIRECTORY: serves the files of a directory over HTTP.

GET /health answers ok. POST /helper starts a helper process that inherits the listening socket, as programs do that
forget to close what their children must not have: when web ends, the helper keeps the port.
"""

import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

HELPER = "import threading; threading.Event().wait()"


class Handler(SimpleHTTPRequestHandler):
    """Files, and the two addresses of the program itself."""

    def do_GET(self) -> None:
        """Answer /health, or with a file."""
        if self.path == "/health":
            self.answer("ok\n")
        else:
            super().do_GET()

    def do_POST(self) -> None:
        """Start the helper and answer with its pid."""
        if self.path != "/helper":
            self.send_error(404)
            return
        kept = [self.server.socket.fileno()] if isinstance(self.server, ThreadingHTTPServer) else []
        helper = subprocess.Popen([sys.executable, "-c", HELPER], pass_fds=kept, start_new_session=True)
        self.answer(f"{helper.pid}\n")

    def answer(self, text: str) -> None:
        """Send a text."""
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's signature
        """Say nothing for each request."""


def main() -> None:
    """Listen and serve until a signal ends it."""
    port, directory = int(sys.argv[1]), sys.argv[2]
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=directory))
    except OSError as error:
        sys.exit(f"web: cannot listen on 127.0.0.1:{port}: {error}")
    print(f"web: serving {directory} on 127.0.0.1:{port}", flush=True)
    server.serve_forever()


main()
