"""Tracebacks put together from the lines of a log: of Python, Java, Node, Go and Rust. Pure.

Lines come one by one. A traceback goes on through lines of other writers in between, through a mark that a collector
puts before each line, and through its causes; how long one may get and how many may be open is bounded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from actors.healer.causes import HEADLINE, LEVEL, chain_of, names_a_type

Language = Literal["python", "java", "node", "go", "rust"]

LINE_CHARS = 4096
"""Letters of a line that are looked at and kept."""
FIRST_LINES = 200
"""Lines kept of the beginning of a traceback."""
LAST_LINES = 300
"""Lines kept of its end, when it is longer."""
OPEN_MAX = 8
"""Tracebacks that may be open at the same time."""
FOREIGN_MAX = 100
"""Lines of others in a row after which an open one has ended."""
BEFORE_MAX = 8
"""Lines before a first frame among which its headline is looked for, as Java and Node write it above."""

GRAVE = ("fatal", "error", "named")
"""Levels of lines that tell of an error."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TRIGGER = re.compile(
    r"Traceback \(most recent call last\):|panicked at |^\s*File \"[^\"]+\", line \d+$"
    r"|^(?P<above>\s+at (?:async )?\S|\s*Caused by:|\s*--->? )|^(?:[^\s:{]* )?(?P<go>panic: |fatal error: )"
)
_PYTHON_HEAD = re.compile(r"(?P<mark>.*?)(?:Exception Group )?Traceback \(most recent call last\):\s*$")
_PYTHON_LINK = re.compile(r"^(?:The above exception was the direct cause|During handling of the above exception)")
_GROUP = re.compile(r"^\s*[|+](?: |$|-)")
_GROUP_END = re.compile(r"^\s*\+-{20,}\s*$")
_BELOW_JAVA = re.compile(
    r"^\s+at \S|^\s*\.{3} \d+ (?:more|common frames)|^\s*Caused by:|^\s+Suppressed:|^\s*Wrapped by:|^\s*--->? "
    r"|^\s*--- End of |^\s+\[CIRCULAR|^\s+\d+: \S"
)
_JAVA_FRAME = re.compile(r"^\s+at .*\((?:\w+\.(?:java|kt|scala|groovy):\d+|Native Method|Unknown Source|<\w+>)\)")
_NODE_FIELD = re.compile(r"^\s+(?:'?[\w.\[\]]+'?: |\[\w+\]: |[\]})]+,?$)|^[}\]]$")
_GO_BELOW = re.compile(
    r"^goroutine \d+|^\t|^created by |^exit status \d|^\[signal |^\[?recovered|^[\w./*()\[\]{}·$-]+\(.*\)$"
    r"|^\.\.\.|^r\w+ +0x|^\s*panic: |^runtime\.|^goroutines? "
)
_RUST_BELOW = re.compile(r"^\s+\d+: |^\s+at |^stack backtrace:|^note: |^\s")
_LOG_LIKE = re.compile(
    r"^(?:\[?\d{4}[-/]\d\d[-/]\d\d|\[?\d\d:\d\d:\d\d|[A-Z][a-z]{2} +\d+ \d\d:|[{]\"|time=|ts=|level=|\d{10,}"
    r"|\[?(?:DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL|CRITICAL|TRACE|NOTICE)\b|\[[\w:.-]+\] )"
)
_SOURCE_ECHO = re.compile(r"^(?:\S+:\d+|    .*|\s*\^+\s*|)$")
_COLLECTED = re.compile(r"^[\w.-]+ +\|(?: |$)")
_RULE = re.compile(r"^\+-[-+ \d]*$")
_ESCAPED = re.compile(r'"((?:[^"\\]|\\.)*\\n(?:[^"\\]|\\.)*)"')
_MORE_MESSAGE = re.compile(r":$|errors? for \w+|following")
_MESSAGE_LINES = 8
_FRAMES = (
    re.compile(r'^[\s|]*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$'),
    re.compile(
        r"^\s+at (?:async )?(?P<function>[^()\s][^()]*?) ?\((?P<file>[^()]*?)(?::(?P<line>\d+))?(?::\d+)?\)(?: \{)?$"
    ),
    re.compile(r"^\s+at (?:async )?(?P<file>\S+?):(?P<line>\d+)(?::\d+)?(?: \{)?$"),
    re.compile(r"^\s+at (?P<function>.+) in (?P<file>.+):line (?P<line>\d+)$"),
    re.compile(r"^\t(?P<file>\S+\.go):(?P<line>\d+)"),
    re.compile(r"panicked at (?:'.*', )?(?P<file>[\w./\\<>-]+\.rs):(?P<line>\d+)"),
)


class Frame(Struct, frozen=True):
    """One place in a program. line: 0 when it is not told. function: empty when it is not told."""

    file: str
    line: int
    function: str


class Link(Struct, frozen=True):
    """One error of a chain of causes. type: empty when only a message is told."""

    type: str
    message: str


class Trace(Struct, frozen=True):
    """One traceback. lines: as they were written, without marks and colours. first, last: numbers of its lines.

    headless: its beginning was not among the lines. cut: lines were left out of its middle.
    """

    language: Language
    lines: tuple[str, ...]
    first: int
    last: int
    headless: bool = False
    cut: bool = False

    @property
    def text(self) -> str:
        """The whole of it."""
        return "\n".join(self.lines)

    @property
    def chain(self) -> tuple[Link, ...]:
        """Its errors, the root of the causes first."""
        return tuple(map(_link, chain_of(self.lines)))

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Its frames, as printed."""
        return _frames(self.lines)

    @property
    def raised_at(self) -> Frame | None:
        """Where the root of its causes was raised."""
        chain = self.chain
        said = chain[0].message.partition("\n")[0] if chain else ""
        at = next((at for at, line in enumerate(self.lines) if chain and chain[0].type in line and said in line), 0)
        if self.language == "python":
            return next(reversed(_frames(self.lines[: at or None])), None)
        return next(iter(_frames(self.lines[at:])), None)


def _frames(lines: Sequence[str]) -> tuple[Frame, ...]:
    found = (next((hit for one in _FRAMES if (hit := one.search(line))), None) for line in lines)
    return tuple(
        Frame(hit["file"], int(hit.groupdict().get("line") or 0), hit.groupdict().get("function") or "")
        for hit in found
        if hit is not None
    )


def _link(headline: str) -> Link:
    head, _, below = headline.partition("\n")
    found = HEADLINE.match(head) if names_a_type(head) else None
    message = (found["message"] or "") if found else head
    rest = [line for line in below.split("\n") if not _RULE.match(line)]
    return Link(found["type"] if found else "", "\n".join([message, *rest]).strip())


class _Open(Struct):
    """A traceback that may go on. phase: frames, message (its headline was read), linked (a cause is announced)."""

    language: Language
    first: int
    last: int
    lines: list[str]
    mark: re.Pattern[str] | None = None
    source: str = ""
    phase: Literal["frames", "message", "linked"] = "frames"
    headless: bool = False
    cut: bool = False
    foreign: int = 0
    blanks: int = 0
    said: int = 0

    def take(self, line: str, number: int) -> None:
        self.lines.extend([""] * self.blanks)
        self.blanks = self.foreign = 0
        self.lines.append(line)
        self.last = number
        if len(self.lines) > FIRST_LINES + 2 * LAST_LINES:
            del self.lines[FIRST_LINES:-LAST_LINES]
            self.cut = True

    def trace(self) -> Trace:
        over = len(self.lines) > FIRST_LINES + LAST_LINES
        kept = [*self.lines[:FIRST_LINES], *self.lines[-LAST_LINES:]] if over else self.lines
        return Trace(self.language, tuple(kept), self.first, self.last, self.headless, self.cut or over)


class Assembler:
    """Finds tracebacks in lines that come one by one. Lines are numbered from 0."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._before: list[tuple[int, str]] = []
        self._number = -1

    def add(self, line: str) -> list[Trace]:
        """The tracebacks that have ended with the line before this one."""
        self._number += 1
        line = line[:LINE_CHARS].rstrip("\r\n")
        if "\x1b" in line:
            line = _ANSI.sub("", line)
        collected = _COLLECTED.match(line)
        if collected is not None:
            line = line[collected.end() :]
        if line.startswith("{") and "\\n" in line:
            return self._within(line)
        if not self._open and _TRIGGER.search(line) is None:
            self._remember(line)
            return []
        source = collected.group().rstrip() if collected is not None else ""
        over: list[Trace] = []
        if not self._goes_on(line, source, over):
            self._begins(line, source, over)
        return over

    def close(self) -> list[Trace]:
        """The tracebacks that were open still, as there are no more lines."""
        ended, self._open = [one.trace() for one in self._open], []
        return ended

    def _remember(self, line: str) -> None:
        self._before.append((self._number, line))
        if len(self._before) > BEFORE_MAX:
            del self._before[0]

    def _within(self, line: str) -> list[Trace]:
        """Tracebacks in the fields of a line that is a JSON object."""
        found = []
        for field in _ESCAPED.findall(line):
            try:
                text = json.loads(f'"{field}"')
            except ValueError:
                continue
            found += traces_in(text.split("\n"))
        return [Trace(one.language, one.lines, self._number, self._number, one.headless, one.cut) for one in found]

    # -- going on

    def _goes_on(self, line: str, source: str, over: list[Trace]) -> bool:
        """Whether the line belongs to one that is open, the newest first. over: takes those that have ended."""
        for one in [one for one in reversed(self._open) if one.source == source]:
            bare = one.mark.sub("", line, count=1) if one.mark is not None else line
            if _PYTHON_HEAD.match(bare) and not (one.phase == "linked" or _GROUP.match(bare)):
                continue
            if _takes(one, bare):
                one.take(bare, self._number)
                if _GROUP_END.match(bare) and one.language == "python":
                    self._end(one, over)
                return True
            if not bare.strip():
                one.blanks = min(one.blanks + 1, 2)
                return True
            one.foreign += 1
            if (one.phase != "frames" and not _LOG_LIKE.match(bare)) or one.foreign > (
                FOREIGN_MAX if one.language == "python" and one.phase == "frames" else 3
            ):
                self._end(one, over)
        return False

    def _end(self, one: _Open, over: list[Trace]) -> None:
        self._open = [each for each in self._open if each is not one]
        over.append(one.trace())

    # -- beginning

    def _begins(self, line: str, source: str, over: list[Trace]) -> None:
        made = self._made(line)
        if made is None:
            self._remember(line)
            return
        made.source = source
        for one in [one for one in self._open if one.phase == "message" and one.source == source]:
            self._end(one, over)
        if len(self._open) >= OPEN_MAX:
            self._end(self._open[0], over)
        self._open.append(made)
        self._before.clear()

    def _made(self, line: str) -> _Open | None:
        found = _TRIGGER.search(line)
        if found is None:
            return None
        number = self._number
        if found["go"]:
            return _Open("go", number, number, [line[found.start("go") :]])
        if "panicked at " in line:
            return _Open("rust", number, number, [line], phase="message")
        if found["above"] is None:
            head = _PYTHON_HEAD.match(line)
            mark = head["mark"] if head else ""
            group = bool(_GROUP.match(line)) or not mark.strip(" |+")
            return _Open(
                "python", number, number, [line if group else line[len(mark) :]], None if group else _mark(mark)
            )
        return self._made_above(line)

    def _made_above(self, line: str) -> _Open | None:
        """A traceback whose headline stands above its first frame or cause."""
        at = next((at for at in reversed(range(len(self._before))) if _is_headline(self._before[at][1])), None)
        if line.lstrip().startswith("at ") and not any(one.match(line) for one in _FRAMES):
            return None
        language: Language = "java" if _JAVA_FRAME.match(line) or not line.lstrip().startswith("at ") else "node"
        kept = self._before[at:] if at is not None else []
        if at is None and line.lstrip().startswith("Caused by:"):
            return _Open("java", self._number, self._number, [line], headless=True)
        first = kept[0][0] if kept else self._number
        return _Open(language, first, self._number, [*(text for _, text in kept), line], headless=at is None)


def _is_headline(line: str) -> bool:
    bare = re.sub(r"^(?:Exception in thread \"[^\"]*\"|Uncaught|Unhandled exception\.|Error:|.*?[:\]] )\s*", "", line)
    level = LEVEL.search(line)
    grave = level is not None and level.lastgroup in GRAVE and not line[:1].isspace()
    return names_a_type(line) or names_a_type(bare) or grave


def _mark(mark: str) -> re.Pattern[str]:
    """What stands before each line of a traceback: its times and numbers change."""
    return re.compile("^" + re.sub(r"\d+", r"\\d+", re.escape(mark)))


def _takes(one: _Open, line: str) -> bool:
    """Whether a line goes on with an open traceback; its phase moves on with it."""
    if one.language == "python":
        return _python_takes(one, line)
    if one.language == "go":
        return _GO_BELOW.match(line) is not None
    if one.language == "rust":
        return _rust_takes(one, line)
    if _BELOW_JAVA.match(line):
        return True
    return one.language == "node" and _NODE_FIELD.match(line) is not None and not one.blanks


def _rust_takes(one: _Open, line: str) -> bool:
    if len(one.lines) == 1 and "panicked at '" not in one.lines[0] and line.strip():
        return True  # its message
    return _RUST_BELOW.match(line) is not None


def _python_takes(one: _Open, line: str) -> bool:
    if _PYTHON_HEAD.match(line):
        one.phase = "frames"
    elif _GROUP.match(line):
        pass
    elif one.phase == "frames":
        if not line[:1].isspace():
            if _LOG_LIKE.match(line) or HEADLINE.match(line) is None or not line:
                return False
            one.phase, one.said = "message", 0
    elif _PYTHON_LINK.match(line):
        one.phase = "linked"
    else:
        return _is_more_of_message(one, line)
    return True


def _is_more_of_message(one: _Open, line: str) -> bool:
    if one.phase == "message" and not one.blanks and one.said < _MESSAGE_LINES and line:
        more = line[:1].isspace() or bool(
            one.lines and _MORE_MESSAGE.search(one.lines[-1]) and not _LOG_LIKE.match(line)
        )
        one.said += more
        return more
    return False


def traces_in(lines: Iterable[str]) -> list[Trace]:
    """All tracebacks of a text, in the order of their ends."""
    assembler = Assembler()
    found = [trace for line in lines for trace in assembler.add(line)]
    return [*found, *assembler.close()]


def is_cut(lines: Sequence[str]) -> bool:
    """Whether the first of the lines may be in the middle of a traceback."""
    at, head = next(((at, line) for at, line in enumerate(lines) if line.strip()), (0, ""))
    inside = head[:1].isspace() or bool(_GROUP.match(head) or _BELOW_JAVA.match(head) or _PYTHON_LINK.match(head))
    return inside or names_a_type(head) or any(one.headless or one.first <= at for one in traces_in(lines))
