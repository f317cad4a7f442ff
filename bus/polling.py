"""What one thread waits for: sockets, and who reads each. Sockets may be added and removed while it is at work."""

from __future__ import annotations

from collections.abc import Callable

import zmq

Source = zmq.SyncSocket | int
Read = Callable[[], object]


class Polling:
    """A zmq.Poller with a reader per source, called when something can be read, or written where that is wanted."""

    def __init__(self) -> None:
        self._poller = zmq.Poller()
        self._readers: dict[Source, Read] = {}

    def add(self, source: Source, read: Read) -> None:
        """Wait for a source too. read() takes some of what came; it is called again while more is there."""
        self._poller.register(source, zmq.POLLIN)
        self._readers[source] = read

    def also_writable(self, source: Source, *, wanted: bool) -> None:
        """Whether to wake up when a socket takes messages."""
        self._poller.modify(source, zmq.POLLIN | (zmq.POLLOUT if wanted else 0))

    def remove(self, source: Source) -> None:
        """Wait for it no longer; nothing happens when it is not there."""
        if self._readers.pop(source, None) is not None:
            self._poller.unregister(source)

    def has(self, source: Source) -> bool:
        """Whether it is waited for."""
        return source in self._readers

    def wait(self, rest_ms: int) -> list[Read]:
        """Sleep until something is readable or rest_ms milliseconds are over; who is to read."""
        found = self._poller.poll(rest_ms)
        return [read for source, _ in found if (read := self._readers.get(source)) is not None]
