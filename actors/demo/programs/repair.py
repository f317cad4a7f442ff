"""repair STATE: the importer's repair hook: lays a state that cannot be read aside and puts the last good copy back."""

import json
import sys
from pathlib import Path

STATE = Path(sys.argv[1])
GOOD = Path(f"{STATE}.good")


def main() -> None:
    """Repair, and say what was done; code 1 when there is no good copy."""
    try:
        json.loads(STATE.read_text())
    except ValueError as error:
        json.loads(GOOD.read_text())
        aside = Path(f"{STATE}.bad")
        STATE.replace(aside)
        STATE.write_text(GOOD.read_text())
        print(f"repair: {STATE.name} could not be read ({error}); moved to {aside.name}, last good copy put back")
        return
    print(f"repair: {STATE.name} can be read; nothing to do")


main()
