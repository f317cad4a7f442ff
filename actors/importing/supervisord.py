"""supervisord.conf as workloads of ours. Pure.

Source: Supervisor 4.3, docs/configuration.rst and supervisor/options.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from actors.importing.commands import held, in_env, pairs_of, without_shell
from actors.importing.draft import Draft, Lent, Source, Workload, note_overridden
from actors.importing.ini import Option, Section, read_ini

_EXPAND: Final = re.compile(r"%%|%\((?P<name>\w+)\)(?P<form>[-#0 +]*\d*[sd])")
_TRUE: Final = frozenset(("true", "on", "yes", "1"))
_FALSE: Final = frozenset({"0", "f", "false", "n", "no", "off", "none"})
_OWN_LOG: Final = "gyrostat keeps its lines in a file of its own"
_TO_LOGS: Final = "read them with gyrostat logs NAME --follow"
_OWN: Final = "gyrostat has its own"
_SIGNALS: Final = {"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "10": "USR1", "12": "USR2", "15": "TERM"}
_SIZE: Final = re.compile(r"(\d+)\s*([kmg]b)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
_PRIORITY: Final = 999

_NO_EQUAL: Final[Mapping[str, tuple[str, str]]] = {
    "stdout_logfile": (_OWN_LOG, _TO_LOGS),
    "stderr_logfile": ("lines of stdout and stderr go to one file", _TO_LOGS),
    "stderr_logfile_maxbytes": ("lines of stdout and stderr go to one file", "log.max_size is that of both"),
    "stderr_logfile_backups": ("lines of stdout and stderr go to one file", "log.keep is that of both"),
    "stdout_capture_maxbytes": ("no capture mode", "a program publishes facts on the bus: docs/wire.md"),
    "stderr_capture_maxbytes": ("no capture mode", "a program publishes facts on the bus: docs/wire.md"),
    "stdout_events_enabled": ("lines are no events", "the Healer reads them from the log"),
    "stderr_events_enabled": ("lines are no events", "the Healer reads them from the log"),
    "stdout_syslog": ("nothing goes to syslog", _TO_LOGS),
    "stderr_syslog": ("nothing goes to syslog", _TO_LOGS),
    "serverurl": ("no XML-RPC", "a program asks the node over the bus: docs/wire.md"),
    "numprocs_start": ("numbers of instances begin with 1", ""),
}
_SECTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "unix_http_server": ("no XML-RPC", "gyrostat status, start and stop need no server of their own"),
    "inet_http_server": ("no XML-RPC and no web page over it", "see node.listen and gyrostat keys for other machines"),
    "supervisorctl": ("no client to set up", "gyrostat finds the node by its config"),
    "rpcinterface": ("no XML-RPC", "a program asks the node over the bus: docs/wire.md"),
    "eventlistener": ("no event protocol over stdin", "subscribe to the bus: docs/wire.md, docs/examples/listen.py"),
    "fcgi-program": ("no socket as stdin", "let the program take it as descriptor 3: sockets (docs/instances.md)"),
    "ctlplugin": ("no plug-ins of a client", ""),
}
_SAME: Final = frozenset(
    ("logfile", "logfile_maxbytes", "logfile_backups", "loglevel", "pidfile", "nodaemon", "silent", "childlogdir",
     "strip_ansi", "identifier", "nocleanup")
)  # fmt: skip


def read_supervisord(source: Source, lent: Lent) -> Draft:
    """Read a file and those it includes.

    Raises: Unreadable.
    """
    draft = Draft()
    sections = _with_included(read_ini(source, inline=True), lent, draft)
    common = _Common(draft, lent)
    programs: list[tuple[int, _Program]] = []
    for section in sections:
        note_overridden(section.overridden, draft)
        if section.kind == "supervisord":
            common.read(section)
        elif section.kind in _SECTIONS:
            draft.note(section.place, *_SECTIONS[section.kind])
        elif section.kind not in {"program", "group", "include"}:
            draft.note(section.place, "is not known", "see whether it is needed")
    for section in sections:
        if section.kind == "program":
            program = _Program(section, common)
            programs.append((program.priority, program))
    names: dict[str, list[str]] = {}
    for _, program in sorted(programs, key=lambda each: each[0]):
        names[program.section.of] = program.write()
    for section in sections:
        if section.kind == "group":
            _tag(section, names, draft)
    return draft


def _with_included(sections: list[Section], lent: Lent, draft: Draft) -> list[Section]:
    found = list(sections)
    for section in sections:
        if section.kind != "include":
            continue
        for key, option in section.options.items():
            if key != "files":
                draft.note(option.place, "is not known", "see whether it is needed")
                continue
            for pattern in option.text.replace("%(here)s", ".").split():
                sources = lent.files(pattern)
                for each in sources:
                    found += read_ini(each, inline=True)
                if not sources:
                    draft.note(option.place, f'"{pattern}" means no file here', "import those files as well")
    return found


def _tag(section: Section, names: Mapping[str, list[str]], draft: Draft) -> None:
    for key, option in section.options.items():
        if key != "programs":
            if key != "priority":
                draft.note(option.place, "is not known", "see whether it is needed")
            continue
        for program in (one.strip() for one in option.text.split(",")):
            if program not in names:
                draft.note(option.place, f'there is no program "{program}"')
            for name in names.get(program, []):
                tags = draft.workloads[name].setdefault("tags", [])
                tags.extend(tag for tag in (section.of.lower(),) if tag not in tags)


class _Common:
    """What [supervisord] says of every program."""

    def __init__(self, draft: Draft, lent: Lent) -> None:
        self.draft = draft
        self.lent = lent
        self.machine = {"here": lent.folder, "host_node_name": lent.host}
        self.env: dict[str, str] = {}
        self.umask: str | None = None

    def read(self, section: Section) -> None:
        for key, option in section.options.items():
            if key in _SAME:
                self.draft.note(option.place, _OWN, "state_dir/node.log and state_dir/logs")
            elif key == "environment":
                self.env |= pairs_of(option.text, lambda text: _expanded(text, self.machine))
            elif key == "umask":
                self.umask = option.text.zfill(3)
            elif key == "user":
                self.draft.note(option.place, "the node runs as whoever starts it", "start it as that user")
            elif key == "directory":
                self.draft.note(option.place, "relative paths start from gyrostat.yaml", "see each cwd")
            elif key in {"minfds", "minprocs"}:
                limit = "nofile" if key == "minfds" else "nproc"
                self.draft.note(option.place, "no limit of the node itself", f"limits.rlimits.{limit} of a workload")
            else:
                self.draft.note(option.place, "is not known", "see whether it is needed")


class _Program:
    """One [program:x] on its way to a workload."""

    def __init__(self, section: Section, common: _Common) -> None:
        self.section = section
        self._common = common
        self._draft = common.draft
        self.priority = self._number("priority", _PRIORITY)
        self._count = self._number("numprocs", 1)

    def write(self) -> list[str]:
        """Put its workloads into the draft; gives their names."""
        own = {"program_name": self.section.of, "group_name": self.section.of, **self._common.machine}
        name = self.section.options.get("process_name")
        numbered = any(
            "process_num" in option.text for key, option in self.section.options.items() if key != "process_name"
        )
        first = self._number("numprocs_start", 0)
        if self._count <= 1 or not numbered:
            wanted = (
                self.section.of if self._count > 1 or name is None else _plain(name.text, {**own, "process_num": first})
            )
            workload = self._workload({**own, "process_num": first, "numprocs": self._count})
            if self._count > 1:
                workload["instances"] = self._count
            return [self._draft.add(wanted, workload, self.section.place)]
        pattern = name.text if name is not None else "%(program_name)s-%(process_num)d"
        names = []
        for number in range(first, first + self._count):
            values = {**own, "process_num": number, "numprocs": self._count}
            notes = len(self._draft.notes)
            workload = {**self._workload(values), "tags": [self.section.of.lower()]}
            if number > first:
                del self._draft.notes[notes:]  # said of the first one
            names.append(self._draft.add(_plain(pattern, values), workload, self.section.place))
        return names

    def _workload(self, values: Mapping[str, Any]) -> Workload:
        workload: Workload = {"command": [], "cwd": None, "env": dict(self._common.env), "umask": self._common.umask}
        workload["restart"] = {"policy": "on-failure"}
        for key, option in self.section.options.items():
            handler = _HANDLERS.get(key)
            if handler is not None:
                handler(self, workload, option, values)
            elif key in _NO_EQUAL:
                self._draft.note(option.place, *_NO_EQUAL[key])
            elif key not in {"priority", "numprocs", "process_name"}:
                self._draft.note(option.place, "is not known", "see whether it is needed")
        if not workload["command"]:
            self._draft.note(self.section.place, "has no command", "write one")
            workload["command"] = []
        return workload

    def _number(self, key: str, absent: int) -> int:
        option = self.section.options.get(key)
        if option is None:
            return absent
        text = _expanded(option.text, {})
        name = text.strip("\0") if text.startswith("\0") else ""
        text = self._common.lent.environ.get(name, "") if name else text
        if text.isdecimal():
            return int(text)
        said = f"{name} is not set where this was imported" if name else f'"{text}" is no number'
        self._draft.note(option.place, said, f"{absent} was taken")
        return absent

    # -- one key each

    def command(self, workload: Workload, option: Option, values: Mapping[str, Any]) -> None:
        try:
            workload["command"] = without_shell(_expanded(option.text, values))
        except ValueError as error:
            self._draft.note(option.place, f"cannot be split: {error}", "write it anew")

    def directory(self, workload: Workload, option: Option, values: Mapping[str, Any]) -> None:
        workload["cwd"] = self._held_value(option, values)

    def environment(self, workload: Workload, option: Option, values: Mapping[str, Any]) -> None:
        try:
            workload["env"] |= pairs_of(option.text, lambda text: _expanded(text, values))
        except ValueError as error:
            self._draft.note(option.place, str(error), "write it anew")

    def user(self, workload: Workload, option: Option, values: Mapping[str, Any]) -> None:
        name = "root" if option.text == "0" else self._held_value(option, values)
        if name.isdecimal():
            self._draft.note(option.place, "a user is named here, not numbered", "user: NAME")
        else:
            workload["user"] = name

    def autostart(self, workload: Workload, option: Option, _: Mapping[str, Any]) -> None:
        workload["autostart"] = None if option.text.lower() in _TRUE else False

    def autorestart(self, workload: Workload, option: Option, _: Mapping[str, Any]) -> None:
        told = option.text.lower()
        if told not in _TRUE | _FALSE | {"unexpected"}:
            self._draft.note(option.place, f'"{option.text}" is no true, false or unexpected', "false was taken")
        workload["restart"]["policy"] = "on-failure" if told == "unexpected" else "always" if told in _TRUE else "never"

    def exitcodes(self, workload: Workload, option: Option, _: Mapping[str, Any]) -> None:
        codes = [int(one) for one in option.text.replace(" ", "").split(",") if one.isdecimal()]
        if codes and codes != [0]:
            workload["restart"]["success_codes"] = codes

    def startsecs(self, workload: Workload, _: Option, __: Mapping[str, Any]) -> None:
        workload["restart"]["stable_after"] = f"{self._number('startsecs', 1)}s"

    def startretries(self, workload: Workload, _: Option, __: Mapping[str, Any]) -> None:
        retries, seconds = self._number("startretries", 3), self._number("startsecs", 1)
        workload["restart"]["start_limit"] = retries + 1
        window_s = (retries + 1) * seconds + retries * (retries + 1) // 2
        workload["restart"]["start_limit_window"] = f"{max(10, window_s)}s"

    def stopsignal(self, workload: Workload, option: Option, _: Mapping[str, Any]) -> None:
        name = option.text.upper().removeprefix("SIG")
        workload.setdefault("stop", {})["signal"] = _SIGNALS.get(name, name)

    def stopwaitsecs(self, workload: Workload, _: Option, __: Mapping[str, Any]) -> None:
        workload.setdefault("stop", {})["grace"] = f"{self._number('stopwaitsecs', 10)}s"

    def as_group(self, _: Workload, option: Option, __: Mapping[str, Any]) -> None:
        if option.text.lower() not in _TRUE:
            self._draft.note(option.place, "the whole process tree is ended", "nothing is left over")

    def redirect(self, _: Workload, option: Option, __: Mapping[str, Any]) -> None:
        if option.text.lower() not in _TRUE:
            self._draft.note(option.place, "lines of stdout and stderr go to one file", _TO_LOGS)

    def log_size(self, workload: Workload, option: Option, _: Mapping[str, Any]) -> None:
        match = _SIZE.fullmatch(option.text)
        size = (
            int(match[1]) * {"": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}[(match[2] or "").upper()] if match else 0
        )
        if size >= 1000:  # noqa: PLR2004 - what a log has at least
            workload.setdefault("log", {})["max_size"] = f"{size}B" if size % 1024**2 else f"{size // 1024**2}MiB"
        else:
            said = "a log is always rotated" if option.text == "0" else "a log has 1kB or more"
            self._draft.note(option.place, said, "log.max_size, 10MB by default")

    def log_keep(self, workload: Workload, _: Option, __: Mapping[str, Any]) -> None:
        workload.setdefault("log", {})["keep"] = self._number("stdout_logfile_backups", 10)

    def mask(self, workload: Workload, option: Option, _: Mapping[str, Any]) -> None:
        workload["umask"] = option.text.zfill(3)

    def _held_value(self, option: Option, values: Mapping[str, Any]) -> str:
        """The text with variables as they are where it is imported; there is no place for them in this key."""
        text = _expanded(option.text, values)
        for name in re.findall("\0([^\0]+)\0", text):
            value = self._common.lent.environ.get(name)
            self._draft.note(
                option.place, f"{name} is not read at each start", f'"{value or ""}" was taken, as it is here now'
            )
            text = text.replace(held(name), value or "")
        return text


Handler = Callable[[_Program, Workload, Option, Mapping[str, Any]], None]
_HANDLERS: Final[Mapping[str, Handler]] = {
    "command": _Program.command,
    "directory": _Program.directory,
    "environment": _Program.environment,
    "user": _Program.user,
    "autostart": _Program.autostart,
    "autorestart": _Program.autorestart,
    "exitcodes": _Program.exitcodes,
    "startsecs": _Program.startsecs,
    "startretries": _Program.startretries,
    "stopsignal": _Program.stopsignal,
    "stopwaitsecs": _Program.stopwaitsecs,
    "stopasgroup": _Program.as_group,
    "killasgroup": _Program.as_group,
    "redirect_stderr": _Program.redirect,
    "stdout_logfile_maxbytes": _Program.log_size,
    "stdout_logfile_backups": _Program.log_keep,
    "umask": _Program.mask,
}


def _expanded(text: str, values: Mapping[str, Any]) -> str:
    """Put values into `%(name)s`; variables of the environment become held ones."""

    def replaced(match: re.Match[str]) -> str:
        name, form = match["name"], match["form"]
        if name is None:
            return "%"
        if name.startswith("ENV_"):
            return held(name.removeprefix("ENV_"))
        value = values.get(name, "")
        return f"%{form}" % value if isinstance(value, int) or form.endswith("s") else str(value)

    return _EXPAND.sub(replaced, text)


def _plain(text: str, values: Mapping[str, Any]) -> str:
    return in_env(_expanded(text, values))
