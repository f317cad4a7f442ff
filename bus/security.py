"""What makes tcp safe: the keys in force, the options of guarded sockets, and the audit of who was turned away.

A carrier is given one Security and uses it from its I/O thread only.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Final

import zmq

from bus.access import Allowed, Door, doors_to_close
from bus.curve import check_pair
from bus.errors import BusError
from bus.keys import KeyPair, KeyStore
from bus.rejections import Rejection, Rejections
from bus.z85 import decode

BACKLOG: Final = 128
"""Connections the kernel holds until they are taken; what comes on top waits at its own side."""
HANDSHAKE_MS: Final = 2_000
"""After which a connection that has not proven its key is closed: it bounds how many are half open."""

_log = logging.getLogger("gyrostat.bus")


class Security:
    """The own pair and the keys that are let in; reads the store again when its file has changed.

    rejected: called with every rejection that is told (see bus.rejections), besides its line in the log.
    """

    def __init__(
        self,
        store: KeyStore,
        *,
        rejected: Callable[[Rejection], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the keys.

        Raises: NoKeys when there is no own pair; BusError when a file is unreadable, open to others, or holds none.
        """
        self.store = store
        self.own: KeyPair = store.own()
        check_pair(self.own)
        self.allowed: Allowed = _by_bytes(store)
        self.rejections = Rejections()
        self._stamp = store.stamp()
        self._tell = rejected
        self._monotonic = monotonic

    def look(self) -> frozenset[Door]:
        """Read the store again when it changed; the doors behind which somebody may be who is not allowed any more.

        A store that cannot be read lets nobody in.
        """
        self._told(self.rejections.due(self._monotonic()))
        stamp = self.store.stamp()
        if stamp == self._stamp:
            return frozenset()
        before, self._stamp = self.allowed, stamp
        try:
            self.allowed = _by_bytes(self.store)
        except BusError as error:
            self.allowed = {}
            _log.error("keys.unreadable nobody_is_let_in=true error=%s", json.dumps(str(error)))
        closing = doors_to_close(before, self.allowed)
        _log.info("keys.reloaded allowed=%d closing=%s", len(self.allowed), ",".join(sorted(closing)) or "none")
        return closing

    def rejected(self, rejection: Rejection) -> None:
        """Somebody was turned away: told, or only counted when there are many from one address."""
        self._told(self.rejections.note(rejection, self._monotonic()))

    def guard(self, socket: zmq.SyncSocket, door: Door) -> None:
        """Set what a listening tcp socket must have; to be done before it is bound."""
        for option, value in (
            (zmq.CURVE_SERVER, 1),
            (zmq.CURVE_SECRETKEY, self.own.secret.encode()),
            (zmq.ZAP_DOMAIN, door.encode()),
            (zmq.ZAP_ENFORCE_DOMAIN, 1),
            (zmq.BACKLOG, BACKLOG),
            (zmq.HANDSHAKE_IVL, HANDSHAKE_MS),
        ):
            socket.setsockopt(option, value)

    def _told(self, rejections: list[Rejection]) -> None:
        for each in rejections:
            _log.warning(
                "peer.rejected address=%s key=%s door=%s why=%s untold=%d",
                each.address or "unknown",
                each.key or "none",
                each.door,
                json.dumps(each.why),
                each.untold,
            )
            if self._tell is not None:
                self._tell(each)


def _by_bytes(store: KeyStore) -> Allowed:
    return {decode(each.key): each for each in store.allowed().values()}
