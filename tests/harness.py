"""A house for actors in tests: an in-process bus, a clock, a state directory, and what was heard on the bus."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from actors.base import Actor, NodeView
from actors.clock import Clock, ManualClock, RealClock
from actors.intensity import Intensity
from actors.settings import Workload
from actors.shell import Child, Shell
from actors.workbench import Call
from bus.hub import Bus
from bus.message import Command, Fact
from bus.messages import FACTS

F = TypeVar("F", bound=Fact)


class House:
    """Starts actors, records every shipped fact, asks commands; stop() leaves nothing behind.

    clock: a RealClock when none is given. With a ManualClock, wait_for still waits in real time.
    """

    def __init__(self, state_dir: Path, *, clock: Clock | None = None, node: str = "alpha", mode: str = "live") -> None:
        self.clock: Clock = clock or RealClock()
        self.bus = Bus(node, epoch=1, monotonic=self.clock, wall=self.clock.wall)
        self.view = NodeView(name=node, mode=mode, state_dir=state_dir, run_dir=state_dir / "run", workloads={})
        self.shells: dict[str, Shell] = {}
        self.intensity = Intensity()
        self._heard: list[Any] = []
        self._news = threading.Condition()
        self.bus.subscribe(FACTS.values(), self._hear)

    def start(
        self,
        kind: type[Actor[Any]],
        settings: msgspec.Struct | None = None,
        *,
        workloads: Mapping[str, Workload] | None = None,
    ) -> Shell:
        """Start an actor and wait until its behaviour runs, or has failed."""
        if workloads is not None:
            self.view = msgspec.structs.replace(self.view, workloads=workloads)
        child = Child(kind, settings or kind.Settings())
        shell = self.shells[kind.name] = Shell(child, self.view, self.bus, self.clock, self.intensity)
        shell.serve()
        shell.begin()
        self.until(lambda: shell.state != "starting")
        return shell

    def reload(self, workloads: Mapping[str, Workload], **settings: msgspec.Struct) -> None:
        """Give every started actor the new workloads, and new settings to those named."""
        self.view = msgspec.structs.replace(self.view, workloads=workloads)
        for name, shell in self.shells.items():
            shell.reload(self.view, settings.get(name, shell.settings))

    def publish(self, fact: Fact, source: str = "test") -> None:
        """Publish a fact as if some actor had."""
        self.bus.publish(fact, source=source)

    def ask(self, command: Command, timeout_s: float = 20.0) -> Any:
        """The typed reply, once whoever gave it is done with telling of it; raises CommandError."""
        try:
            return self.bus.ask(command, timeout_s=timeout_s, source="test")
        finally:
            self._let_finish(command.target)

    def _let_finish(self, name: str) -> None:
        """Who is answered first may look before all is told: wait for the handler, but not for one that blocks."""
        shell, done = self.shells.get(name), threading.Event()
        if shell is not None:
            shell._inbox.put_call(Call(done.set, (), None, None))
            done.wait(1.0)

    def events(self, *kinds: type[F]) -> list[F]:
        """What was heard so far of these types (all when none are named), oldest first."""
        with self._news:
            return [one.data for one in self._heard if not kinds or isinstance(one.data, kinds)]

    def envelopes(self) -> list[Any]:
        """Everything heard, with envelopes."""
        with self._news:
            return list(self._heard)

    def wait_for(self, kind: type[F], match: Callable[[F], bool] = lambda _: True, timeout_s: float = 20.0) -> F:
        """The first fact of this type that matches, also one heard before; AssertionError after timeout_s."""
        end_s = time.monotonic() + timeout_s
        seen = 0
        with self._news:
            while True:
                for one in self._heard[seen:]:
                    if isinstance(one.data, kind) and match(one.data):
                        return one.data
                seen = len(self._heard)
                left_s = end_s - time.monotonic()
                if left_s <= 0 or not self._news.wait(left_s):
                    heard = "\n".join(f"  {one.data}" for one in self._heard[-30:])
                    msg = f"no matching {kind.__name__} within {timeout_s} s; heard last:\n{heard}"
                    raise AssertionError(msg)

    def until(self, true: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Wait until a condition holds; AssertionError after timeout_s."""
        end_s = time.monotonic() + timeout_s
        while not true():
            if time.monotonic() > end_s:
                msg = f"not within {timeout_s} s: {true}"
                raise AssertionError(msg)
            time.sleep(0.005)

    def advance(self, seconds: float) -> None:
        """Move a ManualClock on."""
        assert isinstance(self.clock, ManualClock)
        self.clock.advance(seconds)

    def die(self, name: str) -> None:
        """The node ends as by kill -9: nothing is said to the behaviour but to let go of its file."""
        shell = self.shells.pop(name)
        shell.actor_ref.stop()
        assert shell.stopped.wait(20)

    def stop_and_encode(self) -> None:
        """Stop, and see that every fact that was heard can go on the wire."""
        self.stop()
        assert [msgspec.msgpack.encode(one.data) for one in self.envelopes()], "every fact can go on the wire"

    def stop(self) -> None:
        """Stop the actors, the last first; close the bus and the clock."""
        for shell in reversed(self.shells.values()):
            shell.actor_ref.stop(block=False)
            assert shell.stopped.wait(20), f"{shell.name} does not stop"
        self.shells.clear()
        self.bus.close()
        if isinstance(self.clock, RealClock):
            self.clock.close()

    def _hear(self, envelope: Any) -> None:
        with self._news:
            self._heard.append(envelope)
            self._news.notify_all()
