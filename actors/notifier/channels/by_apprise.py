"""Sends one message through apprise, in a process of its own: `python -m` this, with what is to be sent on stdin.

A process, as some of its services wait for ever, and as what it loads stays out of the node. Exit code 0: it was taken.
"""

from __future__ import annotations

import logging
import sys

import msgspec
from msgspec import Struct

LASTING = 3
"""Exit code when it will not be taken until somebody changes something."""


class Order(Struct):
    """What is to be sent, and where."""

    url: str
    title: str
    body: str
    critical: bool


def main() -> int:
    """Send it; the exit code. Prints why not."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    try:
        import apprise  # noqa: PLC0415 - an optional package
    except ImportError:
        print("apprise is not installed: pip install 'gyrostat[alerts]'")  # noqa: T201 - the answer
        return LASTING
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(message)s")
    service = apprise.Apprise()
    if not service.add(order.url):
        print("apprise does not know this kind of URL")  # noqa: T201 - the answer
        return LASTING
    kind = apprise.NotifyType.FAILURE if order.critical else apprise.NotifyType.INFO
    sent = service.notify(title=order.title, body=order.body or order.title, notify_type=kind)
    return 0 if sent else 1


if __name__ == "__main__":
    sys.exit(main())
