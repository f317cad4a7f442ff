"""Keys at the connecting end: what a client or a subscriber shows, and whom it takes for the node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import zmq

from bus.addresses import is_tcp
from bus.errors import BusError
from bus.keys import KeyPair, KeyStore
from bus.z85 import decode


class Keys:
    """What a connection over tcp needs: our pair and, when the endpoints do not say it, the node's public key."""

    def __init__(self, own: KeyPair, server: str = "") -> None:
        """server: Z85. Raises: BusError when a key is none or the pair does not belong together."""
        check_pair(own)
        if server:
            decode(server)
        self.own = own
        self.server = server


def check_pair(pair: KeyPair) -> None:
    """Raises: BusError when the halves do not belong together."""
    decode(pair.public)
    decode(pair.secret)
    if zmq.curve_public(pair.secret.encode()).decode("ascii") != pair.public:
        msg = "the secret key does not belong to the public one; make new ones with: gyrostat keys new --force"
        raise BusError(msg)


def use_keys(socket: zmq.SyncSocket, address: str, own: KeyPair | None, server: str) -> None:
    """Set with what keys the next connect() of a socket is made: none over ipc, over tcp ours to the server's.

    Raises: BusError when tcp is wanted and a key is missing.
    """
    socket.setsockopt(zmq.CURVE_SERVER, 0)  # also takes back the keys of the connect() before
    if not is_tcp(address):
        return
    if own is None or not server:
        what = "a key pair of our own (gyrostat keys new)" if own is None else "the public key of the node there"
        msg = f"{address}: tcp needs {what}"
        raise BusError(msg)
    options: list[tuple[int, Any]] = [
        (zmq.CURVE_SERVERKEY, server.encode()),
        (zmq.CURVE_PUBLICKEY, own.public.encode()),
        (zmq.CURVE_SECRETKEY, own.secret.encode()),
    ]
    for option, value in options:
        socket.setsockopt(option, value)


def keys_of(keys: Keys | str | Path | None) -> Keys | None:
    """The keys themselves, or those of a directory that `gyrostat keys new --dir` made.

    Raises: BusError when there are none in it.
    """
    return Keys(KeyStore(keys).own()) if isinstance(keys, str | Path) else keys


def connect_with(socket: zmq.SyncSocket, address: str, keys: Keys | None, server: str = "") -> None:
    """Set with what keys the next connect() is made. server: the node's key as its endpoints say it.

    One that was given with our own pair counts more: whoever could change the endpoints could name another node.

    Raises: BusError when tcp is wanted and a key is missing.
    """
    use_keys(socket, address, keys.own if keys else None, (keys.server if keys else "") or server)
