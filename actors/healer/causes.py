"""The cause chain of a failure: its error headlines with their messages, the root first.

Python, Java, Node, Rust and Go each print it their own way; what none of them prints is left to the reader of the log.
"""

import re
from collections.abc import Sequence

from actors.healer.failure_types import SURE

HEADLINE = re.compile(
    r"^[ |]*(?P<type>(?:[A-Za-z_][\w$]*(?:\.|::|/|\\))*[A-Za-z_][\w$]*)"
    r"(?: \[[\w:]+\]| \([\w:, ]+\))?(?::\s*(?P<message>.*))?$"
)
LEVEL = re.compile(
    r"\b(?P<fatal>FATAL|PANIC|CRITICAL|CRIT|EMERG|ALERT|fatal|panic|critical|Fatal|Critical)\b"
    r"|\b(?P<error>ERROR|ERR|SEVERE|error|Error|err|failed|Failed|FAILED|cannot|Cannot|could not|Could not"
    r"|Unable|unable|E)\b"
    r"|\b(?P<warning>WARN|WARNING|Warning|warn|warning)\b|\b(?P<calm>INFO|DEBUG|TRACE|NOTICE|info|debug|notice)\b"
    r"|(?P<named>\w(?:Error|Exception)\b)"
)
FRAME = re.compile(
    r"^\s+at (?:async )?[\w$.<>\[\] /@:\\-]+|^\s*\.\.\. \d+ (?:more|lines)|^\s+File \"|^goroutine \d+|^\s+\S+\.go:\d+"
)
_TYPE_LIKE = re.compile(
    r"(?:Error|Exception|Fault|Failure|Timeout|Refused|Interrupt|Exit|Exceeded|Warning|Invalid|Missing\w*|NotFound)$"
    r"|^E[A-Z]{3,}$|^psycopg|^[A-Z]\w+\.[A-Z]\w+"
)
_PYTHON_START = re.compile(
    r"^[ |+\-\d]*(?:\+-+.*|Traceback \(most recent call last\):|Exception Group Traceback.*)$"
    r"|^ *File \"[^\"]+\", line \d+$"
)
_PYTHON_LINK = re.compile(r"The above exception was the direct cause|During handling of the above exception")
_CAUSE = re.compile(
    r"^\s*(?:Caused by|Root cause|Cause|\[cause\]|Reason|Wrapped by)\s*:\s*(?P<rest>.*)$",
    re.IGNORECASE,
)
_NESTED = re.compile(r"; nested exception is |\(caused by |\bcaused by: ")
_NUMBERED = re.compile(r"^\s+(?:\d+: )?(?P<rest>\S.*)$")
_LEAD = re.compile(
    r"^(?:Exception in thread \"[^\"]*\" |Uncaught (?:exception:? )?|Unhandled (?:exception|rejection)[.:]? "
    r"|\[?(?:fatal|error)\]?:? (?=[\w.]+(?:Error|Exception)\b)|panic: |Fatal error: (?:Uncaught )?"
    r"|PHP Fatal error:  (?:Uncaught )?"
    r"|.*?(?:\b(?:ERROR|FATAL|SEVERE|CRITICAL|WARN)\b.*?[\s:\]-]+)(?=(?:[a-z]\w*\.)+[A-Z]\w*(?:Exception|Error)\b))"
)
_PANIC = re.compile(r"panicked at '(.*)', \S+$")
_FIELD = re.compile(r"\s+(?:code|errno|syscall|hostname|sqlState|reason|status|statusCode|address): ")
_NAME_ENDS = re.compile(r"\.|::|/|\\|\$")
_IN_GROUP = re.compile(r"  \|[ |]*[A-Z]")  # a headline inside an exception group
_ENVIRON = re.compile(r"os\.environ|/os\.py\"|<frozen os>")
_CAUSES_MAX = 20  # lines read below a bare `Caused by:`
_TAIL_MAX = 40  # lines read below a headline
_PYTHON_TAIL_MAX = 5


def last_name(name: str) -> str:
    """The last part of a dotted name, of whichever language."""
    return _NAME_ENDS.split(name)[-1]


def sure_type(headline: str) -> str:
    """Class by the type a headline begins with, when that type has one meaning; else empty."""
    found = HEADLINE.match(headline.partition("\n")[0])
    return SURE.get(last_name(found["type"]).lower(), "") if found else ""


def names_a_type(line: str) -> bool:
    """Whether a line begins with what looks like, or is known as, the type of an error."""
    found = HEADLINE.match(line)
    return found is not None and (bool(_TYPE_LIKE.search(found["type"])) or last_name(found["type"]).lower() in SURE)


def chain_of(lines: Sequence[str]) -> list[str]:
    """Error headlines, each with its message, the root of the cause chain first."""
    return _python_chain(lines) or [part for link in reversed(_links(lines)) for part in reversed(_NESTED.split(link))]


def _links(lines: Sequence[str]) -> list[str]:
    """Headlines as the lines have them: the wrapper before its cause."""
    links: list[str] = []
    for at, line in enumerate(lines):
        cause = _CAUSE.match(line)
        if cause is not None and cause["rest"]:
            links.append(cause["rest"] + _tail(lines, at))
        elif cause is not None:
            below = map(_NUMBERED.match, lines[at + 1 : at + _CAUSES_MAX])
            links.extend(found["rest"] for found in below if found)
        elif "panicked at" in line:
            quoted = _PANIC.search(line)
            links.append(quoted[1] if quoted else " ".join(lines[at + 1 : at + 2]))
        else:
            bare = _LEAD.sub("", line)
            if bare != line or names_a_type(bare):
                links.append(bare + _tail(lines, at))
    return links


def _tail(lines: Sequence[str], at: int) -> str:
    """What belongs to a headline below it: a message of several lines and the fields of a Node error, no frames."""
    kept: list[str] = []
    for line in lines[at + 1 : at + _TAIL_MAX]:
        if _CAUSE.match(line) or names_a_type(line) or LEVEL.match(line) or _PYTHON_LINK.search(line):
            break
        if FRAME.match(line):
            kept.extend("{" * ("{" in line))
        elif _FIELD.match(line) or (not kept and line[:1].isspace() and not line.lstrip().startswith(("at ", "^"))):
            kept.append(line.strip())
    return "\n" + "\n".join(kept) if kept else ""


def _python_chain(lines: Sequence[str]) -> list[str]:
    """Headlines of the last Python chain, the root first; none when there is no traceback."""
    chains: list[list[str]] = []
    linked = handled = False
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        link = _PYTHON_LINK.search(line)
        if link is not None:
            linked = True
            handled = link.group().startswith("During")
        elif "Traceback (most recent call last):" in line or _PYTHON_START.match(line):
            at, headline = _python_headline(lines, at)
            if not linked or not chains or (handled and _is_recovery(chains[-1][-1], headline)):
                chains.append([])
            chains[-1].append(headline)
            linked = False
    return [link for link in chains[-1] if link] if chains else []


def _is_recovery(slip: str, headline: str) -> bool:
    """Whether the later error came from what was done about a value that was not there, and does not wrap that."""
    slips = {"key", "type_bug"}
    return sure_type(slip) in slips and sure_type(headline) not in {"", "config", "assert", *slips}


def _python_headline(lines: Sequence[str], at: int) -> tuple[int, str]:
    """Index after the headline that ends the frames beginning at ``at``, and it; empty when there is none."""
    asked_environ = False
    while at < len(lines) and lines[at].startswith((" ", "\t", "|", "+")) and not _IN_GROUP.match(lines[at]):
        asked_environ = asked_environ or _ENVIRON.search(lines[at]) is not None
        at += 1
    if at >= len(lines):
        return at, ""
    headline = lines[at].lstrip(" |")
    if asked_environ and headline.startswith("KeyError"):
        return at + 1, "MissingConfigError: environment variable"
    for line in lines[at + 1 : at + 1 + _PYTHON_TAIL_MAX]:
        if _PYTHON_LINK.search(line) or "Traceback (most" in line or LEVEL.match(line):
            break
        headline += "\n" + line.strip()
    return at + 1, headline
