"""`python -m actors.cli`: the command line by its module, for a node that starts another process of itself."""

from __future__ import annotations

from actors.cli import main

main()
