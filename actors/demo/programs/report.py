"""report STORE_URL FILE: counts its rounds in the store, four a second, and writes them to a file.

Ends with code 1 when it cannot reach the store.
"""

import sys
import threading
import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError

URL, FILE = f"{sys.argv[1]}/keys/rounds", Path(sys.argv[2])
MISSING = 404


def rounds_before() -> int:
    """The count in the store; 0 when there is none yet."""
    try:
        with urllib.request.urlopen(URL, timeout=1) as answer:
            return int(answer.read())
    except HTTPError as error:
        if error.code == MISSING:
            return 0
        raise


def main() -> None:
    """Count until the store is gone or a signal ends it."""
    pause = threading.Event()
    while True:
        try:
            rounds = rounds_before() + 1
            urllib.request.urlopen(urllib.request.Request(URL, f"{rounds}".encode(), method="PUT"), timeout=1).close()
        except (URLError, OSError, ValueError) as error:
            sys.exit(f"report: cannot reach the store at {URL}: {error}")
        FILE.write_text(f"{rounds}\n")
        pause.wait(0.25)


main()
