"""circus.ini as workloads of ours. Pure.

Source: circus 0.19, docs/source/configuration.rst and circus/config.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Final

from actors.importing.commands import for_shell, held, in_env, without_shell
from actors.importing.draft import Draft, Lent, Source, Workload, note_overridden
from actors.importing.ini import Option, Section, read_ini

_TRUE: Final = frozenset(("1", "true", "yes", "on"))
_PLACE: Final = re.compile(
    r"(?:\$\(|\(\()\s*(?:circus\.(?P<kind>env|sockets)\.(?P<name>\w+)|circus\.(?P<number>wid)|(?P<wid>WID))\s*(?:\)\)|\))",
    re.IGNORECASE,
)
_ENV: Final = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")
_SIGNALS: Final = {"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "10": "USR1", "12": "USR2", "15": "TERM"}
_OWN: Final = ("gyrostat has its own", "state_dir and run_dir of the node")
_ONE_LOG: Final = ("its lines go to a file that gyrostat rotates", "read them with gyrostat logs NAME --follow")
_FIRST_FD: Final = 3
_NO_EQUAL: Final[Mapping[str, tuple[str, str]]] = {
    "warmup_delay": ("starts are not spread by a fixed delay", "depends_on, and readiness"),
    "max_age": (
        "a process is not restarted for its age",
        "a workload with schedule.every and [gyrostat, restart, NAME]",
    ),
    "max_age_variance": ("a process is not restarted for its age", ""),
    "on_demand": ("a program is not started by a connection", "sockets keeps connections while it restarts"),
    "virtualenv": ("no interpreter is chosen for it", "write its path into the command"),
    "virtualenv_py_ver": ("no interpreter is chosen for it", "write its path into the command"),
    "use_papa": ("no papa", "sockets survive a restart of the workload"),
    "stdin_socket": ("no socket as stdin", "sockets passes it from descriptor 3 on"),
    "shell_args": ("no arguments of the shell", "write them into the command"),
    "send_hup": ("a reload sends no HUP", "gyrostat signal NAME HUP"),
    "check_flapping": ("a crash loop is always looked for", "restart.start_limit"),
    "max_retry": ("a start that fails is tried again for ever, more and more rarely", "restart.start_limit for ends"),
    "async_kill": ("one slow end holds up no other", ""),
}
_SECTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "plugin": ("plug-ins of circus do not run here", "subscribe to the bus: docs/wire.md; probes and thresholds"),
    "papa": ("no papa", "sockets survive a restart of the workload"),
}
_SAME: Final = frozenset(("singleton", "close_child_stdin", "close_child_stdout", "close_child_stderr", "copy_path"))


def read_circus(source: Source, lent: Lent) -> Draft:
    """Read a file and those it includes.

    Raises: Unreadable.
    """
    draft = Draft()
    sections = _with_included(read_ini(source, inline=False), lent, draft)
    sockets = _sockets(sections, draft)
    environments = [section for section in sections if section.kind == "env"]
    watchers = [section for section in sections if section.kind == "watcher"]
    for section in sorted(watchers, key=lambda each: -_priority(each)):
        _Watcher(section, draft, sockets, environments).write()
    _mask(sections, draft)
    return draft


def _mask(sections: list[Section], draft: Draft) -> None:
    """Take over the umask of all."""
    for section in sections:
        if section.name == "circus" and "umask" in section.options:
            for workload in draft.workloads.values():
                workload["umask"] = section.options["umask"].text.zfill(3)


def _with_included(sections: list[Section], lent: Lent, draft: Draft) -> list[Section]:
    """Those of a file and of what it includes; what there is to say of sections that are no programs is said."""
    found, seen = list(sections), set[str]()
    for section in found:
        note_overridden(section.overridden, draft)
        if section.name == "circus":
            for key, option in section.options.items():
                if key in {"include", "include_dir"}:
                    for pattern in option.text.split():
                        files = lent.files(pattern if key == "include" else f"{pattern}/*.ini")
                        for each in [file for file in files if file.file not in seen]:
                            seen.add(each.file)
                            found += read_ini(each, inline=False)
                elif key != "umask":
                    draft.note(option.place, *_OWN)
        elif section.kind in _SECTIONS:
            draft.note(section.place, *_SECTIONS[section.kind])
        elif section.kind not in {"watcher", "socket", "env"}:
            draft.note(section.place, "is not known", "see whether it is needed")
    return found


def _priority(section: Section) -> int:
    text = section.options["priority"].text if "priority" in section.options else "0"
    return int(text) if text.lstrip("-").isdecimal() else 0


def _sockets(sections: list[Section], draft: Draft) -> dict[str, str]:
    found: dict[str, str] = {}
    for section in sections:
        if section.kind != "socket":
            continue
        said = {key: option.text for key, option in section.options.items()}
        address = (
            f"unix:{said['path']}" if "path" in said else f"{said.get('host', '127.0.0.1')}:{said.get('port', '0')}"
        )
        found[section.of.lower()] = address
        if address.endswith(":0"):
            draft.note(section.place, "a socket has a port here", f"write one in the place of 0 for {section.of}")
        for key, option in section.options.items():
            if key not in {"host", "port", "path", "family", "type"}:
                draft.note(option.place, "sockets listen as the kernel has it by default", "")
    return found


class _Watcher:
    """One [watcher:x] on its way to a workload."""

    def __init__(self, section: Section, draft: Draft, sockets: Mapping[str, str], environments: list[Section]) -> None:
        self._section = section
        self._draft = draft
        self._sockets = sockets
        self._environments = environments

    def write(self) -> None:
        said = {key: option.text for key, option in self._section.options.items()}
        workload: Workload = {"command": self._command(said), "stop": {"grace": "30s"}, "env": self._environment()}
        for key, option in self._section.options.items():
            handler = _HANDLERS.get(key)
            if handler is not None:
                handler(self, workload, option)
            elif key.startswith("rlimit_"):
                workload.setdefault("limits", {}).setdefault("rlimits", {})[key.removeprefix("rlimit_")] = (
                    "unlimited" if option.text in {"", "-1"} else option.text
                )
            elif key.startswith(("stdout_stream", "stderr_stream")):
                self._stream(workload, key, option)
            elif key.startswith("hooks."):
                self._draft.note(option.place, "a Python function of circus is not called", "hooks, depends_on, probes")
            elif key in _NO_EQUAL:
                if option.text.lower() not in {"false", "0", "no", "off"}:
                    self._draft.note(option.place, *_NO_EQUAL[key])
            elif key not in _SAME | {"cmd", "args", "shell", "priority"}:
                self._draft.note(option.place, "is not known", "see whether it is needed")
        if said.get("use_sockets", "").lower() in _TRUE:
            workload["sockets"] = self._own_sockets()
        self._draft.add(self._section.of, workload, self._section.place)

    def _own_sockets(self) -> dict[str, str]:
        """Those that no watcher before it has: an address belongs to one workload here."""
        taken = {address for one in self._draft.workloads.values() for address in one.get("sockets", {}).values()}
        for name, address in self._sockets.items():
            if address in taken:
                place = self._section.place
                self._draft.note(place, f"socket {name} is another's already", "a socket belongs to one workload here")
        return {name: address for name, address in self._sockets.items() if address not in taken}

    def _command(self, said: Mapping[str, str]) -> list[str]:
        text = self._filled(f"{said.get('cmd', '')} {said.get('args', '')}".strip())
        try:
            if said.get("shell", "").lower() in _TRUE:
                return for_shell(re.sub("\0(\\w+)\0", r"${\1}", text))
            return without_shell(text)
        except ValueError as error:
            self._draft.note(self._section.place, f"cmd cannot be split: {error}", "write it anew")
            return []

    def _filled(self, text: str) -> str:
        def replaced(match: re.Match[str]) -> str:
            if match["kind"] is None:
                return held("GYROSTAT_INSTANCE")
            if match["kind"].lower() == "env":
                return held(match["name"])
            names = list(self._sockets)
            if match["name"].lower() not in names:
                place = self._section.place
                self._draft.note(place, f"there is no [socket:{match['name']}]", f"{match[0]} was left as it is")
            return str(_FIRST_FD + names.index(match["name"].lower())) if match["name"].lower() in names else match[0]

        return _PLACE.sub(replaced, text.replace("%%", "%"))

    def _environment(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for section in self._environments:
            patterns = [one.strip() for one in section.of.split(",")] if section.of else ["*"]
            if any(fnmatchcase(self._section.of, one) for one in patterns):
                for option in section.options.values():
                    value = _ENV.sub(lambda match: held(match[1]), self._filled(option.text))
                    found[option.name] = in_env(value)
        return found

    def _stream(self, workload: Workload, key: str, option: Option) -> None:
        what = key.partition(".")[2]
        if key.startswith("stdout") and what == "max_bytes" and option.text.isdecimal() and int(option.text) >= 1000:  # noqa: PLR2004
            workload.setdefault("log", {})["max_size"] = f"{option.text}B"
        elif key.startswith("stdout") and what == "backup_count" and option.text.isdecimal():
            workload.setdefault("log", {})["keep"] = int(option.text)
        else:
            self._draft.note(option.place, *_ONE_LOG)

    # -- one key each

    def working_dir(self, workload: Workload, option: Option) -> None:
        workload["cwd"] = self._plain(option)

    def user(self, workload: Workload, option: Option) -> None:
        self._account(workload, "user", option)

    def group(self, workload: Workload, option: Option) -> None:
        self._account(workload, "group", option)

    def _account(self, workload: Workload, key: str, option: Option) -> None:
        if option.text.isdecimal() and option.text != "0":
            self._draft.note(option.place, f"a {key} is named here, not numbered", f"{key}: NAME")
        else:
            workload[key] = "root" if option.text == "0" else self._plain(option)

    def numprocesses(self, workload: Workload, option: Option) -> None:
        if not option.text.isdecimal():
            self._draft.note(option.place, f'"{option.text}" is no number here', "instances: a number; 1 was taken")
        elif int(option.text) != 1:
            workload["instances"] = int(option.text)

    def autostart(self, workload: Workload, option: Option) -> None:
        if option.text.lower() not in _TRUE:
            workload["autostart"] = False

    def respawn(self, workload: Workload, option: Option) -> None:
        if option.text.lower() not in _TRUE:
            workload["restart"] = {"policy": "never"}

    def stop_signal(self, workload: Workload, option: Option) -> None:
        name = option.text.upper().removeprefix("SIG")
        workload["stop"]["signal"] = _SIGNALS.get(name, name)

    def graceful_timeout(self, workload: Workload, option: Option) -> None:
        workload["stop"]["grace"] = f"{option.text}s"

    def stop_children(self, _: Workload, option: Option) -> None:
        if option.text.lower() not in _TRUE:
            self._draft.note(option.place, "the whole process tree is ended", "nothing is left over")

    def copy_env(self, _: Workload, option: Option) -> None:
        if option.text.lower() not in _TRUE:
            self._draft.note(option.place, "what the node has in its environment is passed on", "start it with less")

    def use_sockets(self, _: Workload, option: Option) -> None:
        if option.text.lower() in _TRUE and not self._sockets:
            self._draft.note(option.place, "there is no [socket:NAME] to pass", "sockets: {NAME: HOST:PORT}")

    def _plain(self, option: Option) -> str:
        text = self._filled(option.text)
        if "\0" in text:
            self._draft.note(option.place, "a variable cannot stand here", "write what it says")
        return text.replace("\0", "")


Handler = Callable[[_Watcher, Workload, Option], None]
_HANDLERS: Final[Mapping[str, Handler]] = {
    "working_dir": _Watcher.working_dir,
    "uid": _Watcher.user,
    "gid": _Watcher.group,
    "numprocesses": _Watcher.numprocesses,
    "autostart": _Watcher.autostart,
    "respawn": _Watcher.respawn,
    "stop_signal": _Watcher.stop_signal,
    "graceful_timeout": _Watcher.graceful_timeout,
    "stop_children": _Watcher.stop_children,
    "copy_env": _Watcher.copy_env,
    "use_sockets": _Watcher.use_sockets,
}
