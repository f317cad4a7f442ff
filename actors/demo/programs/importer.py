"""importer FEED STATE: adds up the amounts that are appended to FEED, one `name,amount` a line.

STATE is JSON: how far it has read, and the sum so far. After every step that went well a copy is kept as STATE.good.
"""

import json
import sys
import threading
from pathlib import Path

FEED, STATE = Path(sys.argv[1]), Path(sys.argv[2])
GOOD = Path(f"{STATE}.good")


def save(state: dict[str, int]) -> None:
    """Write the state in one step, and then its copy."""
    for path in (STATE, GOOD):
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_text(json.dumps(state))
        fresh.replace(path)


def step(state: dict[str, int]) -> bool:
    """Take in the whole lines that are new; whether there were any."""
    with FEED.open("rb") as feed:
        feed.seek(state["offset"])
        new = feed.read()
    new = new[: new.rfind(b"\n") + 1]
    if not new:
        return False
    state["offset"] += len(new)
    state["total"] += sum(int(line.rpartition(",")[2]) for line in new.decode().splitlines())
    state["lines"] += new.count(b"\n")
    return True


def main() -> None:
    """Read the state, then follow the feed until a signal ends it."""
    state: dict[str, int] = {"offset": 0, "total": 0, "lines": 0}
    if STATE.exists():
        state = json.loads(STATE.read_text())
    print(f"importer: goes on at byte {state['offset']}, total {state['total']}", flush=True)
    pause = threading.Event()
    while True:
        if step(state):
            save(state)
        pause.wait(0.1)


main()
