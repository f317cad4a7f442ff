"""Facts of one publisher: whole streams, each fact once and in order; what was lost on the way is asked for again.

Used by one thread: the carrier's I/O thread, or whoever iterates over a Subscriber.
"""

from __future__ import annotations

from typing import Final

import zmq

from bus.carrier import Lost, Peer
from bus.codec import decode_header
from bus.errors import MalformedFrame
from bus.heartbeat import GONE_AFTER_S, Heartbeat, decode_heartbeat
from bus.heartbeat import TOPIC as HEARTBEAT
from bus.kit import Kit, Message, Wishes, nearest
from bus.line import Key, Line
from bus.link import Link
from bus.message import Stream
from bus.outlet import Outlet
from bus.replay import End, Request
from bus.replay_asker import ReplayAsker
from bus.sockets import read_rest
from bus.topics import PREFIX, TOPIC_BYTES_MAX
from bus.tracker import Tracker

SILENT_S: Final = 1.0
"""Seconds after its first fact that a publisher has for a heartbeat; without one it is read as it comes."""
UNANSWERED_S: Final = 15.0
"""Seconds that a publisher which is alive may leave requests unanswered; then what is missing is lost."""
AHEAD_S: Final = 1.5
"""Seconds between two heartbeats that say so, before a number counts as made up: one may have been held up."""
AWAY_S: Final = 2.0
"""Seconds between two ticks from which on we were stopped ourselves."""
RETIRED_S: Final = 2.0
"""Seconds that facts of an ended process may still be on their way."""
STREAMS_MAX: Final = 16
"""Streams of one publisher that are followed: four now, those of ended processes, and those not yet confirmed."""
TURN_MESSAGES: Final = 32
"""Read before the other sockets have their turn; facts of many more would be out of the cache when they are used."""
HELD_EXTRA: Final = 200
"""Bytes a message takes besides its body while it is held back."""

_NO_BODY: Final = b"\xc1"
"""Of a message that came without: no MessagePack, so that it is malformed where it is read; empty means not wanted."""


class Reader:
    """Owns the SUB socket to a publisher."""

    def __init__(self, peer: Peer, kit: Kit, wishes: Wishes) -> None:
        """Connect; facts begin with want_facts(). Raises: BusError."""
        self.peer = peer
        self.node = peer.node
        self.beat: Heartbeat | None = None
        """The last heartbeat that came in among the facts."""
        self._kit = kit
        self._wishes = wishes
        self._wanted_s: float | None = None
        self._beat_s = 0.0
        self._read_s = 0.0
        self._tick_s = 0.0
        self._lines: dict[Key, Line] = {}
        self._told: dict[Key, int] = {}
        self._hungry = False
        """Whether something may be missing."""
        self._outlet = Outlet(kit, wishes, self._pause)
        self._asker = ReplayAsker(peer, kit, self._take_answer, self._take_end, self._ask)
        self.socket = kit.open(zmq.SUB)
        self._link = Link(self.socket, kit.monotonic)
        self.socket.setsockopt(zmq.SUBSCRIBE, HEARTBEAT.encode())
        try:
            kit.connect(self.socket, peer.facts, peer)
        except BaseException:
            self.close()
            raise
        kit.polling.add(self.socket, self.read)
        kit.polling.add(self._link.monitor, self._link.read)

    def want_facts(self) -> None:
        """Take all streams from now on."""
        if self._wanted_s is None:
            self._wanted_s = self._kit.monotonic()
            self.socket.setsockopt(zmq.SUBSCRIBE, PREFIX.encode())

    def want_late(self, prefix: str) -> None:
        """Topics that begin so are wanted from now on; give on the last values of the states among them."""
        for (stream, _), line in self._lines.items():
            if stream is Stream.STATE and not line.snapshot and line.tracker.next is not None:
                line.late[prefix] = line.tracker.next
        self._hungry = True
        self._ask()

    def close(self) -> None:
        """Close the sockets. May be called again."""
        if not self.socket.closed:
            self._kit.polling.remove(self.socket)
            self._kit.polling.remove(self._link.monitor)
            self._link.close()
            self.socket.close(linger=0)
        self._asker.close()

    # -- what comes

    def read(self) -> None:
        """Read facts. Plain recv() three times: recv_multipart costs eight times as much."""
        socket = self.socket
        recv, option = socket.recv, socket.getsockopt
        for _ in range(TURN_MESSAGES):
            try:
                first = recv(zmq.NOBLOCK)
            except zmq.Again:
                break
            header = recv() if option(zmq.RCVMORE) else b""
            body = recv() if option(zmq.RCVMORE) else b""
            if option(zmq.RCVMORE):
                read_rest(socket, first, 1)
                header = b""
            try:
                self._take(first, header, body)
            except MalformedFrame:
                self._kit.counters["malformed"] += 1
            if self.paused:
                break
        self._read_s = self._kit.monotonic()
        self._ask()

    def _take(self, topic: bytes, header_frame: bytes, body: bytes) -> int:
        """One message; how many facts it has. Raises: MalformedFrame."""
        if topic.startswith(b"hb."):
            self._take_heartbeat(decode_heartbeat(header_frame, body))
            return 0
        if len(topic) > TOPIC_BYTES_MAX:
            msg = f"topic: {len(topic)} bytes; at most {TOPIC_BYTES_MAX}"
            raise MalformedFrame(msg)
        header = decode_header(header_frame)
        line = self._line((header.stream, header.epoch))
        if line is None:
            self._kit.counters["stale"] += header.count
            return 0
        name = topic.decode("ascii", "replace")
        message: Message = (name, header, body or _NO_BODY)
        tracker = line.tracker
        if tracker.follow(header.first_seq, header.count):
            self._outlet.give(((message if self._wishes.wanted(name) else (name, header, b""), 0),))
            return header.count
        self._hungry = True
        whole = tracker.missing is None
        due = tracker.take(header.first_seq, header.count, len(message[2]) + HELD_EXTRA, message)
        if (tracker.duplicates, tracker.discarded) != line.counted:
            line.count(self._kit.counters)
        if due:
            self._outlet.release(due)
        elif tracker.next is None:
            self._do_without_heartbeats(line)
        elif whole and tracker.missing is not None:
            self._kit.counters["gaps"] += 1
        return header.count

    def _line(self, key: Key) -> Line | None:
        """The line of a message; None for one that is not followed: of an ended process, or one too many."""
        line = self._lines.get(key)
        if line is None and len(self._lines) < STREAMS_MAX:
            known = [epoch for (stream, epoch), each in self._lines.items() if stream is key[0] and each.confirmed]
            if key[1] > max(known, default=-1):
                line = self._lines[key] = Line(Tracker(), self._kit.monotonic())
        return line

    def _do_without_heartbeats(self, line: Line) -> None:
        """A publisher that sends none is read from its first fact on."""
        if self.beat is None and self._kit.monotonic() - line.since_s >= SILENT_S:
            held = line.tracker.first_held
            if held is not None:
                line.confirmed = True
                self._outlet.release(line.tracker.join(held))

    # -- what goes on

    @property
    def paused(self) -> bool:
        """Whether the readers here are behind."""
        return self._outlet.paused

    def _pause(self) -> None:
        """Read nothing for a while: ZeroMQ fills up to its high-water mark and drops; replay brings that later."""
        self._kit.polling.remove(self.socket)

    def go_on(self) -> None:
        """The readers here have room again."""
        if self._outlet.go_on():
            self._kit.polling.add(self.socket, self.read)
            self._ask()

    # -- heartbeats

    def hear(self, beat: Heartbeat) -> None:
        """A heartbeat that came another way than the facts; it tells how far behind we are, while we read nothing."""
        self._told = {(stream, at[0]): at[1] for stream in Stream if (at := beat.position(stream)) is not None}

    def _take_heartbeat(self, beat: Heartbeat) -> None:
        """Learn how far each stream is, so that a loss at its end is found too."""
        known, self.beat, self._beat_s = self.beat is not None, beat, self._kit.monotonic()
        self._hungry = True
        self.node = beat.node
        self._asker.address = self._asker.address or nearest(self.peer.facts, beat.replay)
        self.hear(beat)
        for key, line in self._lines.items():
            line.retired_s = None if key in self._told else line.retired_s or self._beat_s
        if self._wanted_s is not None:
            for key, last in self._told.items():
                line = self._lines.setdefault(key, Line(Tracker(), self._beat_s))
                if not line.confirmed:
                    line.confirmed = True
                    self._join(key, line, known=known)
                if line.tracker.next is not None and last > line.tracker.last:
                    self._kit.counters["gaps"] += line.tracker.missing is None
                line.tracker.sent(last)
                self._see_ahead(line, last)
        self._ask()

    def _see_ahead(self, line: Line, last: int) -> None:
        """A number that was not the publisher's own would hide all facts up to it: go by its heartbeats then."""
        number = line.tracker.next
        if number is None or number <= last + 1:
            line.ahead_s = None
        elif line.ahead_s is None:
            line.ahead_s = self._beat_s
        elif self._beat_s - line.ahead_s > AHEAD_S:
            line.ahead_s = None
            line.tracker.rewind(last)
            self._kit.counters["rewound"] += 1

    def _join(self, key: Key, line: Line, *, known: bool) -> None:
        """Begin a stream: from its first fact when we were there before it, else from now, states after a snapshot."""
        beat, tracker = self.beat, line.tracker
        if beat is None or self._wanted_s is None:
            return
        was_here = (known and self._joined) or beat.up_s < self._beat_s - self._wanted_s
        if self.peer.since == "start":
            begin = 1
        elif was_here:
            begin = beat.first.get(int(key[0]), 1)
        elif key[0] is Stream.STATE and self._asker.address:
            line.snapshot = True
            return
        else:
            begin = min(self._told[key] + 1, tracker.first_held or self._told[key] + 1)
        self._outlet.release(tracker.join(begin))

    @property
    def _joined(self) -> bool:
        """Whether some stream of an earlier process of this publisher was followed."""
        return any(line.tracker.next is not None and line.retired_s is not None for line in self._lines.values())

    # -- asked again

    def tick(self) -> None:
        """Once or more per second: what takes too long is asked again, what is over is put away."""
        now_s = self._kit.monotonic()
        self._hungry = True
        if self.paused or now_s - self._tick_s > AWAY_S:  # we did not listen, so there was no silence
            self._asker.forgive()
            self._read_s = now_s
        self._tick_s = now_s
        self._mend()
        if self._asker.tick():
            for line in self._lines.values():
                line.values = []
        hopeless = self._asker.failing_s() > UNANSWERED_S and now_s - self._beat_s < GONE_AFTER_S
        for key, line in list(self._lines.items()):
            line.count(self._kit.counters)
            if self.beat is None:
                self._do_without_heartbeats(line)
            elif line.retired_s is not None and now_s - line.retired_s > RETIRED_S:
                self._put_away(key, line)
            elif not line.confirmed and now_s - line.since_s > RETIRED_S:
                self._forget(key)
            elif hopeless:
                self._give_up(key, line)
        self._ask()

    def _mend(self) -> None:
        """Begin the connection anew when ZeroMQ has given it up, or nothing comes by it any more."""
        renewed = self._link.mend() if self.beat is None else self._link.mend_silent(self.peer.facts, self._read_s)
        self._kit.counters["reconnected"] += renewed

    def _put_away(self, key: Key, line: Line) -> None:
        """Forget a stream of an ended process once nothing of it is to be had any more."""
        if line.snapshot:
            self._join_without(line)
        line.late.clear()
        if line.tracker.missing is None or not line.confirmed:
            self._forget(key)
        elif not self._asker.address:
            self._give_up(key, line)

    def _forget(self, key: Key) -> None:
        line = self._lines.pop(key)
        line.count(self._kit.counters)
        self._kit.counters["discarded"] += line.tracker.held

    def _give_up(self, key: Key, line: Line) -> None:
        """Go on without what cannot be had."""
        line.late.clear()
        if line.snapshot:
            self._join_without(line)
        while (gap := line.tracker.missing) is not None:
            self._lose(key, line, *gap)

    def _join_without(self, line: Line) -> None:
        """Begin with what came in by the stream: the last values before it are not to be had."""
        line.snapshot, line.values = False, []
        self._outlet.release(line.tracker.join(line.tracker.first_held or line.tracker.last + 1))

    def _ask(self) -> None:
        """Ask for one thing that is missing, when nothing is asked and there is room."""
        if not self._hungry or self._asker.busy or self.paused:
            return
        for key, line in list(self._lines.items()):
            if not line.confirmed:
                continue
            if not self._asker.address:
                self._give_up(key, line)
            elif line.snapshot or line.late:
                after = line.values[-1][1].first_seq if line.values else line.after
                self._asker.ask(Request(kind="snapshot", stream=int(key[0]), epoch=key[1], first=after))
                return
            elif (gap := line.tracker.missing) is not None:
                self._asker.ask(Request(kind="replay", stream=int(key[0]), epoch=key[1], first=gap[0], last=gap[1]))
                return
        self._hungry = False

    def _take_answer(self, request: Request, frames: tuple[bytes, bytes, bytes]) -> None:
        if request.kind == "replay":
            self._kit.counters["replayed"] += self._take(*frames)
            return
        header = decode_header(frames[1])
        line = self._lines.get((Stream(request.stream), request.epoch))
        if line is not None and header.epoch == request.epoch:
            line.values.append((frames[0].decode("ascii", "replace"), header, frames[2]))

    def _take_end(self, request: Request, end: End) -> None:
        key = (Stream(request.stream), request.epoch)
        line = self._lines.get(key)
        if line is not None and request.kind == "snapshot":
            if end.epoch != request.epoch:  # the process that had these values has ended
                line.late.clear()
                if line.snapshot:
                    self._join_without(line)
            elif not end.next and line.snapshot:
                self._take_snapshot(line, end)
            elif not end.next:
                self._take_late(line)
        elif line is not None and end.gone is not None:
            self._lose(key, line, *end.gone)
        self._ask()

    def _take_snapshot(self, line: Line, end: End) -> None:
        """Give on the values before the first fact that came in by the stream, then the stream."""
        begin = min(end.at + 1, line.tracker.first_held or end.at + 1)
        line.snapshot, values, line.values = False, line.values, []
        self._kit.counters["snapshots"] += 1
        self._outlet.give([(each, 0) for each in values if each[1].first_seq < begin and self._wishes.wanted(each[0])])
        self._outlet.release(line.tracker.join(begin))

    def _take_late(self, line: Line) -> None:
        """Give on the values of topics that are wanted only now; what is newer came by the stream, or will."""
        late, line.late, values, line.values = line.late, {}, line.values, []
        self._kit.counters["snapshots"] += 1
        for each in values:
            if any(each[0].startswith(prefix) and each[1].first_seq < begin for prefix, begin in late.items()):
                self._outlet.give(((each, 0),))

    def _lose(self, key: Key, line: Line, first: int, last: int) -> None:
        """Say that a range is gone. After a hole in the states their last values are taken anew."""
        tracker = line.tracker
        anew = key[0] is Stream.STATE and bool(self._asker.address) and line.retired_s is None
        lost, due = tracker.abandon(first, last) if anew else tracker.give_up(first, last)
        if lost is None:
            return
        if anew:
            line.snapshot, line.after = True, lost[0] - 1
        self._kit.counters["lost"] += lost[1] - lost[0] + 1
        self._wishes.lost(Lost(self.node, key[0], key[1], *lost))
        self._outlet.release(due)

    def lag(self) -> dict[str, int]:
        """Facts it has sent that were not given on, by stream name."""
        found = dict.fromkeys((stream.name.lower() for stream in Stream), 0)
        for key, line in self._lines.items():
            found[key[0].name.lower()] += line.tracker.lag(self._told.get(key, 0))
        for message, skip in self._outlet.ready:
            found[message[1].stream.name.lower()] += message[1].count - skip
        return found
