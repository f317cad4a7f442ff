"""The one table of what there is over HTTP: serving, checks and the OpenAPI document are made from it. Pure."""

from __future__ import annotations

from typing import Final

from actors.gateway.actions import ACTIONS
from actors.gateway.looks import LOOKS
from actors.gateway.route import Route

ROUTES: Final[tuple[Route, ...]] = (*LOOKS, *ACTIONS)
"""Beside these there are `/` and `/static/`, the dashboard."""
