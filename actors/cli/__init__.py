"""The command line: what an operator types, in words and in JSON.

Charter: reads the config, asks a running node over the bus, or runs one; decides nothing itself. A client command
imports only what it needs, so that an answer is there before one notices.
"""

from __future__ import annotations


def main() -> None:
    """Run the command of sys.argv and exit with its code: 0 ok, 1 failed, 2 usage or config, 3 not running."""
    import gc

    gc.set_threshold(100_000)  # most commands end before there is anything to collect
    from actors.cli.door import run

    try:
        run()
    finally:
        gc.freeze()  # the interpreter looks through all there is as it ends: 11 of 72 ms
