"""Log templates mined on line: what stays the same in a kind of log line.

A line becomes a signature by masking what varies by its look (numbers, addresses, paths, values), and signatures that
differ in one place only are one template once the words seen in that place look like values of a variable.
"""

import hashlib
import re
from collections.abc import Collection

WILD = "<*>"
LINE_CHARS_MAX = 4096  # a line is judged by its beginning
WORDS_MAX = 65_536  # masked words remembered before the cache is emptied
KNOWN_MAX = 16_384  # masked lines remembered before the cache is emptied
VALUES_WORDS = 4  # so many plain words in one place make it a variable
VALUES_NAMES = 3  # so many dotted names, addresses or masked values
CONSTANTS_MIN = 2  # constant words a line must keep around a variable
CONSTANTS_SURE = 3  # the same, when one of the values is a number

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_QUOTED_VALUE = re.compile(r'="[^"]*"')
_DIGIT = re.compile(r"\d")
_COLON_HEX = re.compile(
    r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){3,}[0-9A-Fa-f:.]*[0-9A-Fa-f](?!\w)"
    r"|(?<![\w:])[0-9A-Fa-f]{0,4}::[0-9A-Fa-f:.]+(?!\w)"
)
_PATH_CHARS = r"[\w.\-+~@%<>*:$]*[\w\-+~@%<>*$]"
_PATH = re.compile(
    rf"(?<![\w.])(?:\w+:)?(?:[\w.\-+~@%<>*]*[/\\]){{2,}}(?:{_PATH_CHARS})?(?:\?[^\s\"'<>)\]]*)?"
    rf"|(?<![\w<>*\-])\.{{0,2}}/{_PATH_CHARS}(?:\?[^\s\"'<>)\]]*)?"
)
_CHUNK = re.compile(r"(?<!\w)[+\-]?(?=[\w.\-+@~]*\d)\w+(?:[.\-+@~]\w+)*(?!\w)")
_PLAIN = re.compile(r"[A-Za-z_,;:.()\[\]'\"*!?-]+")  # nothing to mask
_SIMPLE = re.compile(r"([(\[]?)(?:[+\-]?\d[\d.]*|0x[\dA-Fa-f]+|[a-z_]+\d[\w.]*\w)([,;:)\]]*)")  # one value and no more
_NAMED_KIND = re.compile(r"[A-Z]{2,}\d")  # IPV6, SHA1: a name, not a value
_VALUE = re.compile(
    r"=(?!(?:true|false|True|False)\b)[^\s,;()\[\]{}=\"]+(?:\{[^{}\s]*\})?"
    r"|(?<=\w)=$"
)
_GLUED = re.compile(r"(?:\w+[.\-@])+<\*>")
_JOINED = re.compile(r"<\*>(?:[-.:,/#@+~|;&]*<\*>)+")
_EXTENSION = re.compile(r"<\*>(?:\.[A-Za-z]{1,8})+\b")
_COMPARED = re.compile(r"^[<>~]=?(?=<\*>)")
_UNIT = re.compile(r"(?:[KMGT]i?B|B|[mun]s|secs?|s|seconds?|minutes?|hours?|%)([,;)\].]*)")
_DAY_OR_MONTH = re.compile(r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun),?")
_LISTED = re.compile(r"<\*>(\W*)")
_CLOSING = ".,:;!?)]}'\"|"
_OUTSIDE = re.compile(r".*[^\w.\-@~+/]", re.DOTALL)
_NAME = re.compile(r"\w[.@]\w|/|<\*>")
_OWNERS = frozenset({"user", "host", "hostname"})  # the word after these is a name


class _Words(dict[str, str]):
    """Word of a line to its masked form, made on first use."""

    def __missing__(self, word: str) -> str:
        if len(self) >= WORDS_MAX:
            self.clear()
        masked = self[word] = mask_word(word)
        return masked


def mask_word(word: str) -> str:
    """The word with numbers, addresses, paths and assigned values replaced by ``<*>``."""
    if (simple := _SIMPLE.fullmatch(word)) is not None:
        return simple.group(1) + WILD + simple.group(2)
    if _PLAIN.fullmatch(word) and "::" not in word:
        return word
    masked = word
    if "/" in masked or "\\" in masked:
        masked = _PATH.sub(WILD, masked)
    if ":" in masked:
        masked = _COLON_HEX.sub(WILD, masked)
    if _DIGIT.search(masked):
        masked = _CHUNK.sub(_mask_chunk, masked)
    if "=" in masked:
        masked = _VALUE.sub("=" + WILD, masked)
    if WILD in masked:
        masked = _JOINED.sub(WILD, _GLUED.sub(WILD, masked))
        masked = _COMPARED.sub("", _EXTENSION.sub(WILD, masked))
    return masked


def _mask_chunk(match: re.Match[str]) -> str:
    chunk = match.group()
    return WILD if _DIGIT.search(chunk) and not _NAMED_KIND.fullmatch(chunk) else chunk


def signature_of(masked: tuple[str, ...]) -> tuple[str, ...]:
    """Masked words with lists of values made one, and units of measure taken into the value before them."""
    signature: list[str] = []
    for word in masked:
        before = signature[-1] if signature else ""
        if before.endswith(WILD) and (unit := _UNIT.fullmatch(word)):
            signature[-1] += unit.group(1)
            continue
        value = WILD if _DAY_OR_MONTH.fullmatch(word) else word
        if before.endswith((WILD, WILD + ",")) and (listed := _LISTED.fullmatch(value)):
            signature[-1] = before.removesuffix(",") + listed.group(1)
        elif before == WILD and value.startswith(WILD):
            signature[-1] = value
        else:
            signature.append(value)
    return tuple(signature)


class _Holes(dict[str, "tuple[str, str, str] | None"]):
    """Masked word to the text before, in and after its last value-like part, found on first use."""

    def __missing__(self, word: str) -> tuple[str, str, str] | None:
        if len(self) >= WORDS_MAX:
            self.clear()
        hole = self[word] = hole_of(word)
        return hole


def hole_of(word: str) -> tuple[str, str, str] | None:
    """Text before, in and after the last value-like part of a masked word; None when it has no such part."""
    body = word.rstrip(_CLOSING)
    if body.endswith(WILD):
        start = len(body) - len(WILD)
    else:
        outside = _OUTSIDE.match(body)
        start = outside.end() if outside else 0
    return (body[:start], body[start:], word[len(body) :]) if start < len(body) else None


class TemplateMiner:
    """Groups log lines by template; holds at most ``templates_max`` signatures.

    An id is a digest of a signature: the same in every run. Signatures may be found later to be one template;
    ``final`` tells which id stands for all of them. What was not seen for longest is forgotten first; a forgotten line
    that comes again gets the id it had.
    """

    def __init__(self, templates_max: int = 8192) -> None:
        self._templates_max = templates_max
        self._words = _Words()
        self._holes = _Holes()
        self._known: dict[tuple[str, ...], str] = {}
        self._ids: dict[tuple[str, ...], str] = {}
        self._parents: dict[str, str] = {}
        self._patterns: dict[str, tuple[str, ...]] = {}
        # A place in a line, by digest: the values seen there with their ids, or the id all values share from now on.
        self._places: dict[int, dict[str, str] | str] = {}

    def add(self, line: str) -> str:
        """Id of the line's signature."""
        if len(line) > LINE_CHARS_MAX:
            line = line[:LINE_CHARS_MAX]
        if "\x1b" in line:
            line = _ANSI.sub("", line)
        if '="' in line:
            line = _QUOTED_VALUE.sub("=<*>", line)
        masked = tuple(map(self._words.__getitem__, line.split()))
        template_id = self._known.get(masked)
        return self._recall(masked) if template_id is None else template_id

    def final(self, template_id: str) -> str:
        """Id that now stands for the template this id belongs to; itself when unknown."""
        parents = self._parents
        while (parent := parents.get(template_id, template_id)) != template_id:
            template_id = parent
        return template_id

    def template(self, template_id: str) -> str:
        """Text of the template with ``<*>`` for each variable; ``<*>`` alone when forgotten."""
        return " ".join(self._patterns.get(self.final(template_id), (WILD,)))

    def __len__(self) -> int:
        return len(self._ids)

    def _recall(self, masked: tuple[str, ...]) -> str:
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        signature = signature_of(masked)
        template_id = self._ids.pop(signature, None)
        if template_id is None:
            if len(self._ids) >= self._templates_max:
                self._forget()
            template_id = hashlib.blake2b(" ".join(signature).encode("utf-8", "replace"), digest_size=8).hexdigest()
            self._learn(signature, template_id)
        self._ids[signature] = template_id  # last in order: seen last
        self._known[masked] = template_id
        return template_id

    def _learn(self, signature: tuple[str, ...], template_id: str) -> None:
        """Put a new signature in its places, and what that makes one template."""
        waiting = [(signature, template_id)]
        while waiting:
            pattern, pattern_id = waiting.pop()
            self._ids[pattern] = pattern_id
            self._patterns.setdefault(self.final(pattern_id), pattern)
            digests = [hash(placed) for placed in enumerate(pattern)]
            whole = sum(digests)
            for at, digest in enumerate(digests):
                merged = self._place(pattern, at, whole - digest, pattern_id)
                if merged is None:
                    continue
                if merged in self._ids:
                    self._join(self._ids[merged], pattern_id)
                else:
                    waiting.append((merged, self.final(pattern_id)))

    def _place(self, pattern: tuple[str, ...], at: int, rest: int, pattern_id: str) -> tuple[str, ...] | None:
        """The wider pattern, when the word at this place turns out to be a value.

        rest: digest of all other words with their places.
        """
        hole = self._holes[pattern[at]]
        if hole is None:
            return None
        before, value, after = hole
        key = hash((at, before, after, rest))
        seen = self._places.get(key)
        if seen is None:
            self._places[key] = {value: pattern_id}
            return None
        if isinstance(seen, dict):
            seen.setdefault(value, pattern_id)
            if len(seen) == 1 or not is_variable(seen, pattern, at):
                return None
            self._places[key] = pattern_id
            others = list(seen.values())
        else:
            others = [seen]
        wider = (*pattern[:at], before + WILD + after, *pattern[at + 1 :])
        for other in others:
            self._join(other, pattern_id)
        self._patterns[self.final(pattern_id)] = wider
        return wider

    def _join(self, one: str, other: str) -> None:
        root, child = self.final(one), self.final(other)
        if root == child:
            return
        self._parents[child] = root
        gone = self._patterns.pop(child, None)
        if gone is not None:
            kept = self._patterns.setdefault(root, gone)
            if kept.count(WILD) < gone.count(WILD):
                self._patterns[root] = gone

    def _forget(self) -> None:
        """Keep the half of the signatures that was seen last, and the places known to hold a variable."""
        kept = list(self._ids.items())[len(self._ids) // 2 :]
        shared = [(key, self.final(seen)) for key, seen in self._places.items() if isinstance(seen, str)]
        shared = shared[-self._templates_max :]
        parents = {template_id: self.final(template_id) for _, template_id in kept}
        roots = {*parents.values(), *(root for _, root in shared)}
        self._parents = {child: root for child, root in parents.items() if child != root}
        self._patterns = {root: pattern for root, pattern in self._patterns.items() if root in roots}
        self._ids.clear()
        self._known.clear()
        self._places = dict(shared)
        for signature, template_id in kept:
            self._learn(signature, template_id)


def is_variable(values: Collection[str], pattern: tuple[str, ...], at: int) -> bool:
    """Whether values seen in one place of a pattern are those of a variable, not words of several templates."""
    constants = sum(any(map(str.isalpha, word)) for word in pattern) - any(map(str.isalpha, pattern[at]))
    if constants < CONSTANTS_MIN:
        return False
    names = sum(_NAME.search(value) is not None for value in values)
    if names >= VALUES_NAMES and names * 2 >= len(values):
        return True
    if at == 0:
        return False
    if WILD in values and constants >= CONSTANTS_SURE:
        return True
    return len(values) >= VALUES_WORDS or pattern[at - 1].lower().rstrip(":=") in _OWNERS
