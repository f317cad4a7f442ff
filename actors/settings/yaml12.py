"""Reads YAML text into a tree, with 1.2 rules. Pure, but for the late import of PyYAML.

The events of the parser are read, not its composed nodes: libyaml's composer ends the whole interpreter on deeply
nested text (docs/decisions/0006-yaml.md), and a loop over events can count what it is given.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, structs

from actors.settings.faults import Fault, fault_at
from actors.settings.node import Origin
from actors.settings.tree import Items, Scalar, Table, Tree

if TYPE_CHECKING:
    from yaml import MarkedYAMLError

DEPTH_MAX: Final = 64
"""Levels of nesting; a config needs ten."""

EXPANSIONS_MAX: Final = 10_000
"""Nodes that aliases may stand for, all together; more is a bomb."""

_UNPRINTABLE: Final = r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""Source: YAML 1.2.2, production 1."""

_TAG_PREFIX: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final = frozenset((None, "!", f"{_TAG_PREFIX}str"))
_COLLECTION_TAGS: Final = frozenset((None, "!", f"{_TAG_PREFIX}map", f"{_TAG_PREFIX}seq"))

_Event = Any
"""An event of PyYAML; the stubs give their attributes no types."""


class Unreadable(Exception):
    """The rest of the text cannot be read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class _Frame(Struct):
    """A list or mapping that is still open."""

    origin: Origin
    path: str
    anchor: str | None
    outer_size: int
    items: list[Tree] | None = None
    entries: dict[str, Tree] | None = None
    key: str | None = None
    key_line: int = 0
    awaits_value: bool = False


def read_yaml(text: str, file: str, faults: list[Fault], until: str | None = None) -> Tree | None:
    """Read one document; None when it is empty or cannot be read.

    file: its name in faults. faults: what is wrong is added, duplicate keys as well as a syntax error.
    until: a key of the outermost mapping; what comes after it is not read.
    """
    try:
        return _Builder(text, file, faults, until).build()
    except Unreadable as unreadable:
        faults.append(unreadable.fault)
        return None


class _Builder:
    """Turns the events of one text into a tree."""

    def __init__(self, text: str, file: str, faults: list[Fault], until: str | None) -> None:
        self._text = text
        self._until = until
        self._enough = False
        self._file = file
        self._faults = faults
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Tree | None, int]] = {}
        self._size = 0
        self._expanded = 0
        self._documents = 0
        self._root: Tree | None = None

    def build(self) -> Tree | None:
        """Read to the end.

        Raises: Unreadable.
        """
        import yaml  # noqa: PLC0415 - fourteen milliseconds, only where a file is read

        handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceStartEvent: self._open,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            get_event = loader(self._text).get_event
            while not self._enough:
                event = get_event()
                handler = handlers.get(event.__class__)
                if handler is not None:
                    handler(event)
                elif event.__class__ is yaml.StreamEndEvent:
                    break
        except yaml.MarkedYAMLError as error:
            raise Unreadable(self._syntax(error)) from None
        except yaml.YAMLError as error:
            raise Unreadable(self._foreign(error)) from None
        return self._root

    def _document(self, event: _Event) -> None:
        self._documents += 1
        if self._documents > 1:
            raise Unreadable(Fault(self._file, _line(event), "", "a second document begins here", "one document"))

    def _scalar(self, event: _Event) -> None:
        frame = self._frames[-1] if self._frames else None
        if event.tag not in _SCALAR_TAGS:
            self._refuse_tag(event)
        if frame is not None and frame.entries is not None and not frame.awaits_value:
            self._key(frame, event)
            return
        scalar = Scalar(event.value, event.implicit[0] and event.tag is None, self._origin(frame, event))
        self._size += 1
        if event.anchor is not None:
            self._anchors[event.anchor] = (scalar, 1)
        self._put(frame, scalar)

    def _key(self, frame: _Frame, event: _Event) -> None:
        frame.key = event.value
        frame.key_line = _line(event)
        frame.awaits_value = True
        if event.anchor is not None:
            origin = Origin(self._file, frame.key_line)
            self._anchors[event.anchor] = (Scalar(event.value, event.implicit[0], origin), 1)

    def _open(self, event: _Event) -> None:
        import yaml  # noqa: PLC0415 - loaded already

        frame = self._frames[-1] if self._frames else None
        if event.tag not in _COLLECTION_TAGS:
            self._refuse_tag(event)
        if frame is not None and frame.entries is not None and not frame.awaits_value:
            raise Unreadable(Fault(self._file, _line(event), frame.path, "a list or mapping cannot be a key", "a text"))
        if len(self._frames) >= DEPTH_MAX:
            raise Unreadable(Fault(self._file, _line(event), "", f"nested deeper than {DEPTH_MAX} levels"))
        if event.anchor is not None:
            self._anchors[event.anchor] = (None, 0)
        path = _below(frame)
        opened = _Frame(self._origin(frame, event), path, event.anchor, self._size)
        if event.__class__ is yaml.MappingStartEvent:
            opened.entries = {}
        else:
            opened.items = []
        self._size += 1
        self._frames.append(opened)

    def _close(self, _event: _Event) -> None:
        closed = self._frames.pop()
        tree: Tree
        if closed.entries is not None:
            tree = Table(closed.entries, closed.origin)
        else:
            tree = Items(closed.items or [], closed.origin)
        if closed.anchor is not None:
            self._anchors[closed.anchor] = (tree, self._size - closed.outer_size)
        self._put(self._frames[-1] if self._frames else None, tree)

    def _alias(self, event: _Event) -> None:
        frame = self._frames[-1] if self._frames else None
        line = _line(event)
        if event.anchor not in self._anchors:
            raise Unreadable(Fault(self._file, line, _below(frame), f"no anchor &{event.anchor} above"))
        tree, size = self._anchors[event.anchor]
        if tree is None:
            raise Unreadable(Fault(self._file, line, _below(frame), f"anchor &{event.anchor} holds itself"))
        self._expanded += size
        self._size += size
        if self._expanded > EXPANSIONS_MAX:
            problem = f"aliases stand for more than {EXPANSIONS_MAX} nodes"
            raise Unreadable(Fault(self._file, line, _below(frame), problem))
        if frame is not None and frame.entries is not None and not frame.awaits_value:
            if not isinstance(tree, Scalar):
                raise Unreadable(Fault(self._file, line, frame.path, "a list or mapping cannot be a key", "a text"))
            frame.key, frame.key_line, frame.awaits_value = tree.text, line, True
            return
        self._put(frame, structs.replace(tree, origin=self._origin(frame, event)))

    def _put(self, frame: _Frame | None, tree: Tree) -> None:
        if frame is None:
            self._root = tree
        elif frame.entries is not None:
            self._put_entry(frame, frame.entries, tree)
        elif frame.items is not None:
            frame.items.append(tree)

    def _put_entry(self, frame: _Frame, entries: dict[str, Tree], tree: Tree) -> None:
        key = frame.key or ""
        frame.awaits_value = False
        origin = Origin(self._file, frame.key_line)
        if not key:
            self._faults.append(fault_at(origin, frame.path, "a key is empty", "a text"))
        elif key == "<<":
            problem = 'merging with "<<" is no part of YAML 1.2'
            self._faults.append(fault_at(origin, frame.path, problem, "an alias for the whole value"))
        elif key in entries:
            problem = f"duplicate key; first on line {entries[key].origin.line}"
            self._faults.append(fault_at(origin, _below(frame, key), problem))
        else:
            entries[key] = tree
            if key == self._until and not frame.path:
                self._root = Table(entries, frame.origin)
                self._enough = True

    def _origin(self, frame: _Frame | None, event: _Event) -> Origin:
        if frame is not None and frame.entries is not None:
            return Origin(self._file, frame.key_line)
        return Origin(self._file, _line(event))

    def _refuse_tag(self, event: _Event) -> None:
        tag = event.tag.replace(_TAG_PREFIX, "!!")
        raise Unreadable(Fault(self._file, _line(event), "", f"tag {tag} is not read here", "no tag, or !!str"))

    def _syntax(self, error: "MarkedYAMLError") -> Fault:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 0
        lines = self._text.splitlines()
        line = min(line, len(lines))
        text = lines[line - 1] if line else ""
        if "cannot start any token" in (error.problem or "") and "\t" in text:
            return Fault(self._file, line, "", "a tab cannot indent", "spaces")
        problem = error.problem or "cannot be read"
        context = error.context_mark
        if error.context and context is not None and context.line + 1 != line:
            problem = f"{problem} ({error.context} that begins on line {context.line + 1})"
        return Fault(self._file, line, "", f"not YAML: {problem}")

    def _foreign(self, error: Exception) -> Fault:
        """Make the fault of a text that holds what is no character of YAML."""
        found = re.search(_UNPRINTABLE, self._text)
        if found is None:
            return Fault(self._file, 0, "", f"not YAML: {' '.join(str(error).split())}")
        line = self._text.count("\n", 0, found.start()) + 1
        return Fault(self._file, line, "", f"character {found[0]!r} cannot stand in YAML")


def _below(frame: _Frame | None, key: str | None = None) -> str:
    """Give the dotted key of what comes next in the frame."""
    if frame is None:
        return ""
    if frame.entries is None:
        return f"{frame.path}[{len(frame.items or [])}]"
    name = key if key is not None else frame.key or ""
    return f"{frame.path}.{name}" if frame.path else name


def _line(event: _Event) -> int:
    return int(event.start_mark.line) + 1
