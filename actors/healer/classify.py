"""The class of a failure, told from what it printed and how it ended.

The root of the cause chain speaks first, then what was wrapped around it, then the lines of the log, then the exit
status. At each step a type with one meaning is believed before its message, a message before a type with many.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from actors.healer.causes import FRAME, HEADLINE, LEVEL, chain_of, last_name, names_a_type
from actors.healer.failure_types import FAINT, SURE
from actors.healer.failure_words import MESSAGES_FAINT, MESSAGES_STRONG

UNKNOWN = "unknown"
TEXT_CHARS_MAX = 200_000  # of a longer text the beginning and the end are read
LINE_CHARS_MAX = 2_000
GROUP_LINES_MAX = 40  # different lines of one level that are read, the latest
PLAIN_CHARS_MAX = 400  # of a line that is no headline

_GRAVITY = {"fatal": 0, "error": 1, "named": 1, "warning": 3, "calm": 4}
_UNTOLD = 2  # a line without a level
_SLIPS = frozenset({"key", "type_bug", "syntax"})
_FAINT_KINDS = frozenset({"type_bug", "key", "config", "killed", "syntax"})
_EXITS = {
    64: "config",
    66: "file_missing",
    67: "auth",
    68: "dns",
    69: "connection",
    73: "file_missing",
    74: "disk",
    77: "permission",
    78: "config",
    124: "timeout",
    126: "permission",
    127: "file_missing",
}
_SIGNAL_ENDS = frozenset({-9, -15, -2, -1, -3, 137, 143, 130})  # ended from outside
_CRASH_ENDS = frozenset({-11, -7, -4, -8, 139, 135, 132, 136, -6, 134})
_ERRNOS_BY_CLASS = {
    "permission": (1, 13),
    "file_missing": (2, 20, 21),
    "disk": (5, 28, 30, 122),
    "memory": (12,),
    "lock": (16, 26, 35),
    "fd": (23, 24),
    "connection": (32, 100, 101, 103, 104, 107, 111, 112, 113),
    "port": (98, 99),
    "timeout": (110,),
    "dns": (-2, -3, -5),
}
_ERRNOS = {number: kind for kind, numbers in _ERRNOS_BY_CLASS.items() for number in numbers}
_PASSES = tuple(
    tuple((kind, re.compile(wording, re.IGNORECASE)) for kind, wording in wordings)
    for wordings in (MESSAGES_STRONG, MESSAGES_FAINT)
)
# Wordings that hold for a message as a whole, whatever its last part says.
_WHOLE = (
    (
        "import",
        re.compile(
            r"^(?!.*(?:error 24|too many open)).*(?:loading shared librar|cannot open shared object"
            r"|symbol lookup error|version `[^']+' not found)",
            re.IGNORECASE,
        ),
    ),
    (
        "lock",
        re.compile(r"(?:acquir|obtain)\w* (?:the )?(?:\w+ )?lock\b|used by another process", re.IGNORECASE),
    ),
    ("import", re.compile(r"^\S*\bld: cannot find -l|fatal error: \S+\.h\w*: no such file", re.IGNORECASE)),
    ("connection", re.compile(r"\bsocket\b.{0,100}no such file", re.IGNORECASE)),
    ("import", re.compile(r"could not load (?:file or )?assembly|\{undef,\s*\[\{", re.IGNORECASE)),
    ("db_corrupt", re.compile(r"malformed database schema|^corruption:", re.IGNORECASE)),
    ("config", re.compile(r"invalid (?:argument|value) .{1,60} for (?:flag|option|argument|\W?-)", re.IGNORECASE)),
)
_NOISE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
_CONTAINER_PREFIX = re.compile(r"^[\w.\-]+ *\| (?=.)", re.MULTILINE)
_PREFIX = re.compile(
    r"^(?:[A-Z][a-z]{2} +\d+ [\d:]{8} \S+ [\w.\-/@]+(?:\[\d+\])?: "
    r"|\[?\d{4}[-/]\d\d[-/]\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?\]? (?:\w+\[[\w.]+\]: )?)"
)
_CODE = re.compile(
    r"\b(?:ERR_[A-Z_]+|SQLITE_[A-Z]+|ER_[A-Z_]+|UND_ERR_[A-Z_]+|E[A-Z]{3,}[A-Z0-9_]*|MODULE_NOT_FOUND|CERT_[A-Z_]+"
    r"|DEPTH_ZERO\w+|SELF_SIGNED\w+|UNABLE_TO_\w+|PROTOCOL_CONNECTION_LOST)\b"
)
_ERRNO = re.compile(r"\b(?:errno|os error|error code|code)[ :=\]]*-?(\d{1,3})\b|\[Errno (-?\d+)\]", re.IGNORECASE)
_ERRNO_MEANT = re.compile(r"errno|os error|Os \{", re.IGNORECASE)
_SQLSTATE = re.compile(
    r"SQLSTATE\W{0,3}([0-9A-Z]{5})\b|\bcode: '([0-9A-Z]{5})'|\b(?:FATAL|ERROR):? +\(?([0-9]{2}[0-9A-Z]{3})\b"
)
_SQLSTATES = {
    "08": "connection",
    "28": "auth",
    "42P01": "db_schema",
    "42703": "db_schema",
    "42S": "db_schema",
    "3F": "db_schema",
    "3D": "db_schema",
    "40": "db_locked",
    "55P03": "db_locked",
    "53100": "disk",
    "53200": "memory",
    "533": "connection",
    "57014": "timeout",
    "57P": "connection",
    "42501": "permission",
    "42601": "syntax",
    "XX001": "db_corrupt",
    "XX002": "db_corrupt",
}
_KIND = re.compile(r"\bkind: (\w+)")
_TYPE_NAMED = re.compile(r"\b[A-Z]\w*(?:Error|Exception)\b")
_NAME_SEAM = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_PART_SEAM = re.compile(r"(?<=\S)(?:: | -> | <- |; )")
_GUESS = re.compile(
    r"\W*(?:maybe|perhaps|possibly|probably|hint|is (?:another|the)|does|do you|did you|are you)\b", re.IGNORECASE
)
_PATH = re.compile(r"(?:\b[a-z][a-z0-9+]*:)?//[^\s'\"<>,;)]+|(?<![\w.])[~.]{0,2}(?:/[\w.@+%=-]+)+/?")
_ENDING = re.compile(r"\.\w{1,6}$")
_QUOTED = re.compile(r"(['\"`])([\w.@$/:+-]+?)(\.\w{1,6})?\1")
_FIELD = re.compile(
    r"\"?\b(?:err|error|cause|exception|reason|exc|exc_info|detail)\"?\s*[=:]\s*\"((?:[^\"\\]|\\.)+)\"", re.IGNORECASE
)
_TEXT_FIELD = re.compile(r"\"?\b(?:msg|message)\"?\s*[=:]\s*\"((?:[^\"\\]|\\.)+)\"", re.IGNORECASE)
_OUT_OF_MEMORY = re.compile(
    r"out of memory|oom[- ]?kill|\boom\b|memory cgroup|memory limit|cannot allocate memory|MemoryError|heap space"
    r"|bad_alloc",
    re.IGNORECASE,
)
_STOPPED = re.compile(
    r"^\W*(?:Killed|Terminated|Aborted|Hangup|Quit|Interrupt|Bus error|Segmentation fault)\b"
    r"|\bSIG(?:KILL|TERM|SEGV|BUS|INT|HUP|QUIT|ABRT|ILL|FPE|PIPE)\b|segmentation fault|signal: |core dumped"
    r"|(?:killed|terminated|interrupted) (?:by|with|on)\b|(?:received|caught|got|on) (?:\w+ )?signal"
    r"|[\]:] (?:Killed|Terminated)$|: +\d+ (?:Killed|Terminated)",
    re.IGNORECASE | re.MULTILINE,
)
_LOCK = re.compile(r"\block", re.IGNORECASE)
_DATABASE = re.compile(r"database|transaction|\brow\b|sql", re.IGNORECASE)
_CONFIG_FILE = re.compile(r"(?:config|settings)[\w/.-]*\.(?:json|ya?ml|toml|ini)", re.IGNORECASE)
_REFUSED_ENTRY = re.compile(r"\b40[137]\b")


def classify(text: str, exit_code: int) -> str:
    """Class of a failure.

    text: what it printed last, any language, tracebacks whole. exit_code: as a shell or ``subprocess`` gives it
    (killed by signal 9: 137 or -9).
    """
    if len(text) > TEXT_CHARS_MAX:
        text = text[: TEXT_CHARS_MAX // 2] + "\n" + text[-TEXT_CHARS_MAX // 2 :]
    text = _CONTAINER_PREFIX.sub("", _NOISE.sub("", text))
    if exit_code in _SIGNAL_ENDS:
        return "memory" if _OUT_OF_MEMORY.search(text) else "killed"
    lines = [_PREFIX.sub("", line[:LINE_CHARS_MAX]) for line in text.split("\n") if line.strip()]
    chain = chain_of(lines)
    return (
        _chain_class([kind for link in chain if (kind := link_class(link))])
        or _first(_faint_class(link) for link in chain)
        or _first(_lines_class(group) for group in by_gravity(lines, traced=bool(chain)))
        or ("killed" if exit_code in _CRASH_ENDS or _STOPPED.search(text) else "")
        or _EXITS.get(exit_code, UNKNOWN)
    )


def _first(classes: Iterable[str]) -> str:
    return next(filter(None, classes), "")


def _chain_class(classes: Sequence[str]) -> str:
    """The root's class; a slip of the program that was told to be a fault of the settings is one of the settings."""
    if not classes:
        return ""
    return "config" if classes[0] in _SLIPS and "config" in classes[1:] else classes[0]


def link_class(link: str) -> str:
    """Class of one headline: by a type or code of one meaning, else by the message; empty when neither tells."""
    head, _, below = link.partition("\n")
    found = HEADLINE.match(head) if names_a_type(head) else None
    if found is None:
        return _told(head, below)
    message = found["message"] or ""
    name = last_name(found["type"])
    kind = SURE.get(name.lower(), "")
    if kind == "type_bug":
        kind = (_codes(link) or [kind])[-1]
    if kind:
        return _refined(kind, message, below)
    return _told(message, below) or message_class(_NAME_SEAM.sub(" ", name))


def _codes(text: str) -> list[str]:
    return [SURE[code.lower()] for code in _CODE.findall(text) if code.lower() in SURE]


def _told(message: str, below: str) -> str:
    """Class by what a message holds: codes, error numbers, kinds, its wording, the types it names."""
    text = message + "\n" + below
    if codes := _codes(text):
        return _refined(codes[-1], message, below)
    numbers = [int(one or other) for one, other in _ERRNO.findall(text)] if _ERRNO_MEANT.search(text) else []
    told = [_ERRNOS[number] for number in numbers if number in _ERRNOS][:1]
    told += _sqlstates(text)
    told += [SURE[kind.lower()] for kind in _KIND.findall(text) if kind.lower() in SURE][-1:]
    named = [SURE[name.lower()] for name in _TYPE_NAMED.findall(text) if name.lower() in SURE]
    return _first(told) or message_class(message, below) or (named or [""])[-1]


def _sqlstates(text: str) -> list[str]:
    states = ("".join(found) for found in _SQLSTATE.findall(text))
    return [kind for state in states for start, kind in _SQLSTATES.items() if state.startswith(start)]


def _refined(kind: str, message: str, below: str) -> str:
    """The class of a type of one meaning, or a nearer one when its message is known to say better."""
    better = _BETTER.get(kind)
    return (better(message, message + "\n" + below) if better else "") or kind


def _better_http(_: str, text: str) -> str:
    return "auth" if _REFUSED_ENTRY.search(text) else ""


def _better_connection(_: str, text: str) -> str:
    return "" if "refused" in text.lower() else _only({"dns", "tls", "timeout", "auth", "fd"}, message_class(text))


def _better_tls(_: str, text: str) -> str:
    return "timeout" if "timed out" in text else ""


def _better_syntax(message: str, text: str) -> str:
    if _CONFIG_FILE.search(text) and "import" not in text:
        return "config"
    return _only({"import", "db_schema"}, message_class(message))


def _better_timeout(_: str, text: str) -> str:
    if not _LOCK.search(text):
        return ""
    return "db_locked" if _DATABASE.search(text) else "lock"


def _better_disk(_: str, text: str) -> str:
    return _only({"fd"}, message_class(text))


def _better_permission(message: str, _: str) -> str:
    return "lock" if "used by another process" in message else ""


def _better_port(_: str, text: str) -> str:
    return "permission" if "permission denied" in text.lower() else ""


_BETTER: Mapping[str, Callable[[str, str], str]] = {
    "http": _better_http,
    "connection": _better_connection,
    "tls": _better_tls,
    "syntax": _better_syntax,
    "timeout": _better_timeout,
    "port": _better_port,
    "disk": _better_disk,
    "permission": _better_permission,
}


def _only(allowed: set[str], kind: str) -> str:
    return kind if kind in allowed else ""


def _faint_class(link: str) -> str:
    found = HEADLINE.match(link.partition("\n")[0])
    return FAINT.get(last_name(found["type"]).lower(), "") if found else ""


def message_class(message: str, below: str = "") -> str:
    """Class told by a message: by the part after its last colon that tells one; empty when none does.

    below: further lines of the message, heard after it.
    """
    for kind, pattern in _WHOLE:
        if pattern.search(message):
            return kind
    heard = [part for text in (message, *below.split("\n")) for part in _parts(text)]
    for patterns in _PASSES:
        for part in heard:
            kind = next((kind for kind, pattern in patterns if pattern.search(part)), "")
            if kind:
                return kind
    return ""


def _parts(text: str) -> list[str]:
    """What stands between the colons of a line, the last first, then all of it, then that with its names as words."""
    plain = _QUOTED.sub(r"\1q\3\1", _PATH.sub(_short_path, text))
    parts = _PART_SEAM.split(plain)[::-1]
    parts.sort(key=lambda part: _GUESS.match(part) is not None)
    return [*parts, plain, _NAME_SEAM.sub(" ", plain)]


def _short_path(match: re.Match[str]) -> str:
    if "//" in match.group():
        return "url"
    ending = _ENDING.search(match.group())
    return "/x" + (ending.group() if ending else "")


def by_gravity(lines: Sequence[str], *, traced: bool) -> list[list[str]]:
    """Lines of a plain log in groups, the gravest level first, in a group the latest line first; calm levels left out.

    traced: a traceback is among them: its frames and source lines say nothing, nor do warnings before it.
    """
    groups: list[list[str]] = [[], [], [], []]
    for line in reversed(lines):
        if FRAME.match(line) or (traced and line.startswith(("    ", "\t", "Traceback "))):
            continue
        level = LEVEL.search(line)
        rank = _GRAVITY[level.lastgroup or ""] if level else _UNTOLD
        if rank < len(groups) - traced:
            groups[rank].append(line)
    return [list(dict.fromkeys(group))[:GROUP_LINES_MAX] for group in groups]


def _lines_class(lines: Sequence[str]) -> str:
    classes = [kind for line in lines if (kind := _line_class(line))]
    return _first(kind for kind in classes if kind not in _FAINT_KINDS) or _first(iter(classes))


def _line_class(line: str) -> str:
    line = line[:PLAIN_CHARS_MAX]
    for field in (*_FIELD.findall(line), *_TEXT_FIELD.findall(line)):
        kind = link_class(field.replace('\\"', '"'))
        if kind and kind != "killed":
            return kind
    kind = _told(line, "")
    return "" if kind == "killed" else kind
