"""Who may ask, and from where: names, origins, tokens. Pure."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from actors.gateway.problems import Problem

LOOKS: Final = frozenset({"GET", "HEAD"})
OPEN_ALWAYS: Final = frozenset({"/livez", "/readyz"})
_HOST: Final = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="gyrostat"'}

Headers = Sequence[tuple[bytes, bytes]]


class Rules(Struct, frozen=True):
    """names: under which it may be asked, in lower case. origins: others that may act. all_guarded: looks too."""

    names: frozenset[str]
    token: str
    origins: frozenset[str] = frozenset()
    all_guarded: bool = False


def check(method: str, path: str, headers: Headers, rules: Rules) -> None:
    """Raises: Problem when a request is not to be answered."""
    host = _host(headers)
    if host not in rules.names:
        raise Problem(
            421, f"nothing is known here as {_shown(host)}; it may be asked as localhost or a name of `hosts`"
        )
    looks = method in LOOKS
    if not looks:
        _check_origin(headers, rules)
    page = path == "/" or path.startswith("/static/")  # without secrets, and it has to be there to ask for the token
    if looks and (not rules.all_guarded or path in OPEN_ALWAYS or page):
        return
    _check_token(headers, rules.token)


def _host(headers: Headers) -> str:
    """The name that is asked. Raises: Problem when it is missing, doubled or no name."""
    found = [value for name, value in headers if name == b"host"]
    match = _HOST.fullmatch(found[0]) if len(found) == 1 else None
    if match is None:
        raise Problem(400, "the Host header is missing, doubled or no name", closes=True)
    return match[1].decode().lower().strip("[]").rstrip(".")


def _check_origin(headers: Headers, rules: Rules) -> None:
    """A page of another site may not act. Raises: Problem."""
    host = _text(headers, b"host").lower()
    origin = _text(headers, b"origin").lower()
    if origin in rules.origins:
        return
    if origin and urlsplit(origin).netloc != host:
        raise Problem(403, f"a page of {_shown(origin)} may not act here; `origins` names those that may")
    if _text(headers, b"sec-fetch-site") not in {"", "same-origin", "none"}:
        raise Problem(403, "a page of another site may not act here; `origins` names those that may")


def _check_token(headers: Headers, token: str) -> None:
    """Raises: Problem."""
    said = _text(headers, b"authorization")
    scheme, _, given = said.partition(" ")
    if not said:
        raise Problem(
            401, "a token is needed: Authorization: Bearer, with gateway.token of the state directory", _CHALLENGE
        )
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise Problem(401, "this is not the node's token; it is in gateway.token of the state directory", _CHALLENGE)


def _text(headers: Headers, wanted: bytes) -> str:
    return next((value.decode("latin-1").strip() for name, value in headers if name == wanted), "")


def _shown(text: str) -> str:
    return repr(text[:80])
