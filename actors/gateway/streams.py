"""Who follows `/events`: everybody gets the same bytes, several times a second, and a slow one holds up nobody."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

from actors.gateway.feed import Feed, Wanted

TURN_S: Final = 0.2
"""Seconds between two sendings; what happens meanwhile goes out together."""
COMMENT_S: Final = 15.0
"""Seconds without anything to tell after which a comment is sent, so that nobody on the way takes it for dead."""
STUCK_S: Final = 60.0
"""Seconds that a follower may take nothing; then it is disconnected."""
_COMMENT: Final = b": nothing new\n\n"

Message = dict[str, Any]
Receive = Callable[[], Any]
Send = Callable[[Message], Any]


class Follower:
    """One who follows. next: the number of the fact that it gets next. busy_s: since when it has not taken the last."""

    __slots__ = ("busy_s", "gone", "news", "next", "sent_s", "task", "wanted")

    def __init__(self, wanted: Wanted, start: int, now_s: float) -> None:
        self.wanted = wanted
        self.next = start
        self.news = asyncio.Event()
        self.gone = False
        self.sent_s = now_s
        self.busy_s: float | None = None
        self.task = asyncio.current_task()

    def leave(self, *_: object) -> None:
        """It wants no more, or is not to get any."""
        self.gone = True
        self.news.set()


class Streams:
    """All followers of one event loop. greeting: what each hears first."""

    def __init__(self, feed: Feed, monotonic: Callable[[], float], greeting: bytes) -> None:
        self.followers: set[Follower] = set()
        self._feed = feed
        self._monotonic = monotonic
        self._greeting = greeting
        self._chunks: dict[tuple[int, int, Wanted], bytes] = {}
        self._turned_at = 0
        self._ticker: asyncio.Task[None] | None = None
        self._closed = False

    def close(self) -> None:
        """Let all followers go, with all they should have heard."""
        self._closed = True
        self.turn()
        for follower in self.followers:
            follower.leave()

    async def follow(self, wanted: Wanted, last_id: str, receive: Receive, send: Send) -> None:
        """Send until the follower goes. last_id: of the fact it heard last, or empty. The head has been sent."""
        self._feed.take_over()
        start = self._feed.after(last_id) if last_id else self._feed.end
        follower = Follower(wanted, self._feed.end if start is None else start, self._monotonic())
        watch = asyncio.ensure_future(_until_gone(receive))
        watch.add_done_callback(follower.leave)
        self.followers.add(follower)
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.ensure_future(self._tick())
        try:
            await _body(send, self._greeting + (b"" if start is not None else lost(last_id)))
            await self._serve(follower, send)
        finally:
            self.followers.discard(follower)
            watch.cancel()

    async def _serve(self, follower: Follower, send: Send) -> None:
        follower.news.set()  # what it missed while it was away
        while True:
            await follower.news.wait()
            follower.news.clear()
            chunk = self._chunk(follower)
            if chunk:
                follower.busy_s = follower.sent_s = self._monotonic()
                await _body(send, chunk)
                follower.busy_s = None
            if follower.gone:
                with contextlib.suppress(OSError):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                return

    def _chunk(self, follower: Follower) -> bytes:
        """What the follower has not had yet; the same bytes for all who want the same from the same place on."""
        feed, start = self._feed, follower.next
        told = b""
        if start < feed.first:
            told, start = lost(""), feed.first
        follower.next = feed.end
        key = (start, feed.end, follower.wanted)
        if key not in self._chunks:
            self._chunks[key] = feed.frames(start, follower.wanted)
        told += self._chunks[key]
        quiet = self._monotonic() - follower.sent_s >= COMMENT_S
        return told or (_COMMENT if quiet else b"")

    async def _tick(self) -> None:
        while self.followers and not self._closed:
            await asyncio.sleep(TURN_S)
            self.turn()

    def turn(self) -> None:
        """Take over what is new, and wake whom it concerns."""
        self._feed.take_over()
        news, now_s = self._feed.end != self._turned_at, self._monotonic()
        if news:
            self._turned_at = self._feed.end
            self._chunks.clear()
        for follower in self.followers:
            if news or now_s - follower.sent_s >= COMMENT_S:
                follower.news.set()
            if follower.busy_s is not None and now_s - follower.busy_s > STUCK_S and follower.task is not None:
                follower.task.cancel()


def greeting(node: str, at: float) -> bytes:
    """The first event, so that a page knows whom it hears, and when it began."""
    data = msgspec.json.encode({"node": node, "at": at})
    return b"retry: 2000\nevent: hello\ndata: %b\n\n" % data


def lost(last_id: str) -> bytes:
    """Some facts are not kept any more: whoever shows what is, has to ask for it."""
    return b"event: lost\ndata: %b\n\n" % msgspec.json.encode({"after": last_id})


async def _body(send: Send, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
