"""Answers ZeroMQ's question whether a peer may come in (ZAP). Lives in the I/O thread.

Every guarded socket has ZAP_ENFORCE_DOMAIN set: when this handler is gone, nobody comes in.
Source: https://rfc.zeromq.org/spec/27/ (ZAP).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import zmq

from bus.access import ZAP_VERSION, Allowed, Knock, Verdict, judge, read_knock
from bus.rejections import Rejection

ADDRESS: Final = "inproc://zeromq.zap.01"
TURN_MAX: Final = 64
"""Requests answered before the other sockets have their turn."""

_YES: Final = b"200"
_NO: Final = b"400"


class Zap:
    """Owns the socket of the handler; there is one to a context. Made before the first guarded socket is bound."""

    def __init__(
        self, context: zmq.SyncContext, allowed: Callable[[], Allowed], rejected: Callable[[Rejection], None]
    ) -> None:
        """allowed: the keys as they are now. rejected: told of everybody who was not let in."""
        self._allowed = allowed
        self._rejected = rejected
        # A ROUTER: a request that cannot be read is passed over, where a REP would be stuck with it.
        self.socket = context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(ADDRESS)

    def read(self) -> None:
        """Answer what is asked."""
        for _ in range(TURN_MAX):
            try:
                way, *frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            knock = read_knock(frames)
            if knock is not None:
                self._answer(way, knock)

    def close(self) -> None:
        """Let nobody in any more. May be called again."""
        self.socket.close(linger=0)

    def _answer(self, way: bytes, knock: Knock) -> None:
        verdict = Verdict(why="the handler failed")
        try:
            verdict = judge(knock, self._allowed())
        finally:  # whatever happens here, the answer is not yes
            code, text = (_YES, b"OK") if verdict.user else (_NO, b"not allowed here")
            self.socket.send_multipart([way, b"", ZAP_VERSION, knock.number, code, text, verdict.user.encode(), b""])
        if not verdict.user:
            self._rejected(Rejection(address=knock.address, key=verdict.key, door=knock.door[:20], why=verdict.why))
