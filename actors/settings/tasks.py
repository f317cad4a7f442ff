"""What the node can be asked to do once: kinds of tasks, and how each is run, limited and tried again. Pure."""

import re
from collections.abc import Collection
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from actors.settings.doubling import doubled
from actors.settings.markers import Command, Environment
from actors.settings.units import Bytes, Seconds, Share

TaskPriority = Literal["critical", "high", "medium", "low", "deferred"]

_FILLED: Final = re.compile(r"\$\{([^}]*)\}")
_PARAM: Final = re.compile(r"[a-z_][a-z0-9_]{0,63}")
_ERROR: Final = re.compile(r"timeout|silent|exit|exit:\d{1,3}|signal|signal:[A-Z0-9]+|[A-Za-z_][A-Za-z0-9_]*")
_ENGINE: Final = re.compile(r"dask://[^/\s:]+:\d{1,5}|[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_TYPES: Final[dict[str, tuple[type, ...]]] = {"text": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}


class Param(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A parameter of a kind. What is not allowed is refused before the task is taken on."""

    type: Literal["text", "int", "float", "bool"] = "text"
    """text, int, float or bool."""

    default: Any = None
    """What it is when it is not given. None: it has to be given."""

    pattern: str | None = None
    """Regular expression that the whole of a text has to match. None: any text that does not begin with -, so that it
    is never taken for an option."""

    least: float | None = None
    """The smallest number allowed."""

    most: float | None = None
    """The largest number allowed."""

    choices: list[str] = []
    """The texts allowed. []: any."""

    def __post_init__(self) -> None:
        """Refuse limits of another type, and a default that is not allowed.

        Raises: ValueError.
        """
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"pattern: is no regular expression: {error}") from None
        if self.type != "text" and (self.pattern is not None or self.choices):
            raise ValueError(f"type: {self.type} has no pattern or choices; allowed: text")
        if self.type not in {"int", "float"} and (self.least is not None or self.most is not None):
            raise ValueError(f"type: {self.type} has no least or most; allowed: int, float")
        if self.default is not None and (problem := self.problem(self.default)):
            raise ValueError(f"default: {problem}")

    def problem(self, value: object) -> str:
        """What is wrong with a value, and what is allowed; empty when nothing is."""
        if not isinstance(value, _TYPES[self.type]) or (isinstance(value, bool) and self.type != "bool"):
            return f"{msgspec.json.encode(value).decode()[:60]} is no {self.type}; allowed: {self.type}"
        if isinstance(value, str):
            return self._text_problem(value)
        if self.least is not None and value < self.least:  # type: ignore[operator]
            return f"{value} is too small; allowed: at least {self.least:g}"
        if self.most is not None and value > self.most:  # type: ignore[operator]
            return f"{value} is too large; allowed: at most {self.most:g}"
        return ""

    def _text_problem(self, value: str) -> str:
        if "\0" in value:
            return "has a zero byte; allowed: none"
        if self.choices and value not in self.choices:
            return f'"{value[:60]}" is none of the choices; allowed: {", ".join(self.choices)}'
        if self.pattern is not None and re.fullmatch(self.pattern, value) is None:
            return f'"{value[:60]}" does not match; allowed: {self.pattern}'
        if self.pattern is None and not self.choices and value.startswith("-"):
            return f'"{value[:60]}" would be an option; allowed: no - at its beginning, or a pattern'
        return ""


class RetryRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a failed task is tried, and how long it waits in between."""

    attempts: Annotated[int, Meta(ge=1)] = 3
    """Attempts in all; 1: never tried again."""

    wait: Literal["exponential", "fixed", "linear", "random"] = "exponential"
    """How the wait grows: it doubles, stays, grows by `first`, or lies anywhere between `first` and `longest`."""

    first: Seconds = Seconds(1)
    """Seconds before the second attempt."""

    longest: Seconds = Seconds(300)
    """Seconds: the longest wait."""

    jitter: Share = Share(0.2)
    """Share by which a wait may be shorter or longer, so that tasks that failed together are not tried together."""

    def __post_init__(self) -> None:
        """Refuse a first wait that is longer than the longest.

        Raises: ValueError.
        """
        if self.first > self.longest:
            raise ValueError("first: is longer than longest; allowed: at most longest")

    def delay_s(self, failures: int, chance: float) -> float:
        """Seconds until the next attempt, at most longest. failures: from 1. chance: from 0 to 1.

        Source: the waiting strategies of tenacity (exponential with jitter, fixed, incrementing, random).
        """
        if self.wait == "random":
            return float(min(self.longest, self.first + (self.longest - self.first) * chance))
        grown = {
            "fixed": 1.0,
            "linear": float(failures),
            "exponential": doubled(1.0, failures - 1),
        }[self.wait]
        spread = 1 - self.jitter + 2 * self.jitter * chance
        return float(min(self.longest, self.first * grown * spread))


class Rate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many may be started: a bucket of tokens."""

    starts: Annotated[int, Meta(ge=1)]
    """Starts per `per`."""

    per: Seconds = Seconds(1)
    """Seconds in which so many may be started."""

    burst: Annotated[int, Meta(ge=1)] = 1
    """Starts that may follow at once upon a time in which nothing was started."""

    def __post_init__(self) -> None:
        """Refuse a time of no length.

        Raises: ValueError.
        """
        if self.per <= 0:
            raise ValueError("per: has to be more than 0s")


class BreakerRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a kind is left alone for a while, as it only fails."""

    failures: Annotated[int, Meta(ge=1)] = 5
    """Failed attempts in a row, of any of its tasks, after which none is started."""

    open: Seconds = Seconds(60)
    """Seconds for which none is started then. After them one is: when it is done all go on, else it begins anew."""

    def __post_init__(self) -> None:
        """Refuse a time of no length.

        Raises: ValueError.
        """
        if self.open <= 0:
            raise ValueError("open: has to be more than 0s")


class Resources(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a task takes, or a node offers. Nothing is measured: what running tasks say they need is added up."""

    cpu: Annotated[float, Meta(ge=0)] = 0.0
    """Processors."""

    memory: Bytes = Bytes(0)
    """Bytes of memory."""

    gpu: Annotated[float, Meta(ge=0)] = 0.0
    """Graphics cards."""


class TaskKind(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of task. Exactly one of command and module."""

    command: Command | None = None
    """Program and arguments; ${NAME} stands for a parameter. Each argument stays one, whatever the parameter holds."""

    module: str | None = None
    """Module beside the config, or installed, in which a function is registered by @task("KIND")."""

    params: dict[str, Param] = {}
    """Name -> what it may be. A command takes these only; a function of a module that names none is asked itself."""

    cwd: str = "."
    """Directory it runs in, relative to the config file."""

    env: Environment = msgspec.field(default_factory=dict)
    """Environment variables of a command, added to those of the node."""

    priority: TaskPriority = "medium"
    """Precedence of those that say none themselves."""

    timeout: Seconds | None = Seconds(3600)
    """Seconds that one attempt may take; then it is ended and counts as failed (timeout). None: for ever."""

    silence: Seconds | None = None
    """Seconds that may pass without a sign of life: progress, checkpoint, or a line on the task's descriptor; then it
    is ended and counts as failed (silent). None: it need give none."""

    run_max: Seconds | None = None
    """Seconds that all attempts may take together; beyond them it is not tried again. None: no limit."""

    grace: Seconds = Seconds(5)
    """Seconds that one has to end by itself when it is cancelled or takes too long; then it is killed."""

    retry: RetryRule = RetryRule()
    """How a failed one is tried again."""

    retry_on: dict[str, RetryRule] = {}
    """Error -> how it is tried again after that one: timeout, silent, exit:CODE, exit, signal:NAME, signal, or the name
    of an exception or of one it descends from."""

    concurrency: Annotated[int, Meta(ge=1)] | None = None
    """How many of it may run at the same time, on all nodes that share the queue. None: as many as workers."""

    rate: Rate | None = None
    """How many of it may be started in a time. None: no limit."""

    breaker: BreakerRule | None = None
    """When it is left alone for a while, on all nodes that share the queue. None: never."""

    retry_budget: Share | None = None
    """Share of failed attempts to done tasks that is borne; while more fail, a failed one waits for `longest` at once.
    None: any."""

    need: Resources | None = None
    """What one of it takes of what its node offers (actors.executor.offers); it is started where there is so much.
    None: nothing."""

    engine: str | None = None
    """Where its function runs: dask://HOST:PORT, or MODULE:NAME of what gives a concurrent.futures.Executor. None: in
    the worker itself."""

    def __post_init__(self) -> None:
        """Refuse a kind that is neither or both, and placeholders and errors that do not exist.

        Raises: ValueError.
        """
        if (self.command is None) == (self.module is None):
            raise ValueError("has to have exactly one of command and module")
        for key in ("timeout", "silence", "run_max"):
            if getattr(self, key) is not None and getattr(self, key) <= 0:
                raise ValueError(f"{key}: has to be more than 0s")
        self._check_command()
        self._check_engine()
        for name in self.params:
            if _PARAM.fullmatch(name) is None:
                raise ValueError(f'params: "{name}" is no name; allowed: a-z, 0-9 and _, not first a digit')
        for name in self.retry_on:
            if _ERROR.fullmatch(name) is None:
                raise ValueError(
                    f'retry_on: "{name}" is no error; allowed: timeout, silent, exit:CODE, signal:NAME, an exception'
                )

    def needs(self, given: Collection[str]) -> list[str]:
        """Parameters that have to be given beside these."""
        return [name for name, param in self.params.items() if param.default is None and name not in given]

    def _check_engine(self) -> None:
        """Raises: ValueError."""
        if self.engine is None:
            return
        if self.module is None:
            raise ValueError("engine: runs functions only; allowed: with module")
        if self.silence is not None:
            raise ValueError("silence: is not known of a function that runs on an engine; allowed: null")
        if _ENGINE.fullmatch(self.engine) is None:
            raise ValueError(f'engine: "{self.engine}" is none; allowed: dask://HOST:PORT, MODULE:NAME')

    def _check_command(self) -> None:
        """Raises: ValueError."""
        if self.command is None:
            return
        if not self.command:
            raise ValueError("command: is empty; allowed: a program and its arguments")
        if _FILLED.search(self.command[0]):
            raise ValueError("command: its program is a parameter; allowed: parameters in the arguments")
        for word in self.command:
            for name in _FILLED.findall(word):
                if name not in self.params:
                    known = ", ".join(self.params) or "none"
                    raise ValueError(f'command: "${{{name}}}" is no parameter; there are: {known}')
