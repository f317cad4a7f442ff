"""The actor: what every subsystem is. It owns its state, hears facts, answers commands, and publishes facts.

A behaviour is written as if nothing could go wrong around it: when a handler raises, its shell puts the message to
the dead letters and makes the behaviour anew in place, so whatever must survive that lies in its store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from actors.clock import Alarm, Clock
from actors.log import Log
from actors.settings import DatasetSettings, Settings, TaskKind, Workload
from actors.settings.alerts import AlertSettings
from actors.settings.push import PushSettings
from bus.carrier import PeerState
from bus.hub import Request
from bus.message import Command, Fact


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For an actor that has nothing to set."""


S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")


class NodeView(msgspec.Struct, frozen=True, kw_only=True):
    """What every actor may know of its node. workloads: the desired ones by name, in config order.

    declared: the names of the config that they come from, also of one that is to have no instance.
    root: directory of the config file, what its relative paths start from. push: where workloads can hand in values of
    metrics. tasks: kinds of tasks by name. datasets: data sets by name.
    alerts: who is told what.
    """

    name: str
    mode: str
    state_dir: Path
    run_dir: Path
    workloads: Mapping[str, Workload]
    revision: str = ""
    declared: Collection[str] = ()
    root: Path = Path()
    push: PushSettings = PushSettings()
    tasks: Mapping[str, TaskKind] = msgspec.field(default_factory=dict)
    datasets: Mapping[str, DatasetSettings] = msgspec.field(default_factory=dict)
    alerts: AlertSettings = AlertSettings()


def view_of(settings: Settings, run_dir: Path) -> NodeView:
    """The view of a node that has these settings. run_dir: the one in use, which may stand in for the wanted one."""
    return NodeView(
        name=settings.node.name,
        mode=settings.mode,
        state_dir=settings.state_dir,
        run_dir=run_dir,
        workloads=settings.workloads,
        revision=settings.revision,
        declared=settings.declared.keys(),
        root=settings.root,
        push=settings.push,
        tasks=settings.tasks,
        datasets=settings.datasets,
        alerts=settings.alerts,
    )


class Home(Protocol):
    """What the shell does for its behaviour."""

    @property
    def clock(self) -> Clock: ...
    @property
    def log(self) -> Log: ...
    @property
    def cause(self) -> Any: ...
    def publish(self, fact: Fact) -> None: ...
    def told_last(self) -> AbstractContextManager[None]: ...
    def request(self, command: Command, then: Callable[[Any], None], *, timeout_s: float, node: str | None) -> None: ...
    def ask(self, command: Command, *, timeout_s: float, node: str | None) -> Any: ...
    def after(self, delay_s: float, handler: Callable[..., None], args: tuple[Any, ...]) -> Alarm: ...
    def every(self, interval_s: float, handler: Callable[..., None], args: tuple[Any, ...]) -> Repeat: ...
    def post(self, handler: Callable[..., None], args: tuple[Any, ...]) -> None: ...
    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None: ...
    def bound(self, act: Callable[..., None], args: tuple[Any, ...]) -> Callable[[], None]: ...
    def peers(self) -> list[PeerState]: ...
    def defer_reply(self) -> Request: ...


class Repeat(Protocol):
    """A timer that comes again. interval_s may be changed; it counts from the next tick."""

    interval_s: float

    def cancel(self) -> None:
        """No further tick."""


class Actor(Generic[S]):
    """One subsystem.

    name: its command target and the source of its facts. listens: facts it hears, by `on_<fact>` methods
    (`ProcessExited` -> `on_process_exited`). answers: commands it takes, by `do_<verb>` methods that return the typed
    Reply, raise Refused, or call `defer_reply()` and answer later. Settings: its frozen settings type.
    listens_everywhere: hears these facts of other nodes too; without, only those of its own node.
    inbox_limit: messages of each kind that may wait. workers: threads for `run`.
    Every method runs in the actor's own thread, one at a time.
    """

    name: ClassVar[str]
    listens: ClassVar[tuple[type[Fact], ...]] = ()
    listens_everywhere: ClassVar[bool] = False
    answers: ClassVar[tuple[type[Command], ...]] = ()
    Settings: ClassVar[type[msgspec.Struct]] = NoSettings
    inbox_limit: ClassVar[int] = 4096
    workers: ClassVar[int] = 4

    def __init__(self, home: Home, node: NodeView, settings: S) -> None:
        self._home = home
        self.node = node
        self.settings = settings

    # -- to be written by the subsystem

    def on_start(self) -> None:
        """Begin: open the store, pick up where the last incarnation left off, set timers."""

    def on_stop(self) -> None:
        """Let go of files, threads and connections. Changes nothing in the world; may be called half started."""

    def on_reload(self) -> None:
        """self.node and self.settings are new; act on what differs."""

    # -- what it can do

    @property
    def clock(self) -> Clock:
        """Monotonic seconds when called; `.wall()` gives Unix seconds."""
        return self._home.clock

    @property
    def log(self) -> Log:
        """The operation log, with this actor's name and the present message's id bound."""
        return self._home.log

    @property
    def envelope(self) -> Any:
        """What travels around the fact or command in hand; None in a call of its own."""
        return self._home.cause

    def publish(self, fact: Fact) -> None:
        """Tell everybody; the message being handled becomes its cause."""
        self._home.publish(fact)

    def told_last(self) -> AbstractContextManager[None]:
        """Facts published within wait for its end: who asked has the answer first. Not to be nested."""
        return self._home.told_last()

    def request(
        self,
        command: Command,
        then: Callable[[Any], None],
        *,
        timeout_s: float = 5.0,
        node: str | None = None,
    ) -> None:
        """Ask another actor without waiting: then(reply or CommandError) is called here later, always once."""
        self._home.request(command, then, timeout_s=timeout_s, node=node)

    def ask(self, command: Command, *, timeout_s: float, node: str | None = None) -> Any:
        """Ask another actor and wait. Raises CommandError; Refused at once when it asks itself."""
        return self._home.ask(command, timeout_s=timeout_s, node=node)

    def after(self, delay_s: float, handler: Callable[..., None], *args: Any) -> Alarm:
        """Call handler(*args) here once after delay_s seconds; comes as a message."""
        return self._home.after(delay_s, handler, args)

    def every(self, interval_s: float, handler: Callable[..., None], *args: Any) -> Repeat:
        """Call handler(*args) here every interval_s seconds; a tick that is still waiting is not doubled."""
        return self._home.every(interval_s, handler, args)

    def post(self, handler: Callable[..., None], *args: Any) -> None:
        """From any thread: have handler(*args) called here."""
        self._home.post(handler, args)

    def run(self, work: Callable[[], T], then: Callable[[T | Exception], None]) -> None:
        """Do slow work in a thread of this actor's pool; then(result or the exception) is called here."""
        self._home.run(work, then)

    def bound(self, act: Callable[..., None], *args: Any) -> Callable[[], None]:
        """To be called here later, with the present message as the cause of what it does."""
        return self._home.bound(act, args)

    def defer_reply(self) -> Request:
        """In a do_ method: answer later, by `request.answer(reply or CommandError)`; the method returns None."""
        return self._home.defer_reply()


def snake(name: str) -> str:
    """`ProcessExited` -> `process_exited`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def handlers_of(kind: type[Actor[Any]]) -> tuple[dict[type[Fact], str], dict[type[Command], str]]:
    """The method names for what an actor class listens to and answers.

    Raises TypeError with one line naming what is missing: the checks a plug-in must pass before it is started.
    """
    name = getattr(kind, "name", None)
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9_-]{1,64}", name):
        msg = f"{kind.__name__}.name must be a token of a-z, 0-9, _ and -"
        raise TypeError(msg)
    facts = {fact: f"on_{snake(fact.__name__)}" for fact in kind.listens}
    commands = {command: f"do_{command.verb}" for command in kind.answers}
    for method in (*facts.values(), *commands.values()):
        if not callable(getattr(kind, method, None)):
            msg = f"{kind.__name__} has no method {method}"
            raise TypeError(msg)
    for command in kind.answers:
        if command.target != name:
            msg = f"{kind.__name__} answers {command.__name__}, whose target is {command.target!r} and not {name!r}"
            raise TypeError(msg)
    return facts, commands
