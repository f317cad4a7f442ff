"""PM2's ecosystem file, JSON or YAML, as workloads of ours. Pure.

Source: PM2 7.0, doc "Ecosystem File" and lib/API/schema.json.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from actors.importing.commands import for_shell
from actors.importing.draft import Draft, Lent, Place, Source, Workload, literal
from actors.importing.trees import entries, plain, read_json, read_tree
from actors.settings.tree import Items, Table, Tree

_INTERPRETERS: Final = {
    ".js": "node", ".cjs": "node", ".mjs": "node", ".ts": "ts-node", ".tsx": "ts-node", ".py": "python3", ".sh": "bash",
    ".rb": "ruby", ".php": "php", ".pl": "perl", ".coffee": "coffee", ".ls": "lsc",
}  # fmt: skip
_SIZE: Final = re.compile(r"(\d+)\s*([KMG]?)", re.IGNORECASE)
_SPAN: Final = re.compile(r"(\d+)\s*(ms|s|m|h)?")
_ONE_LOG: Final = ("its lines go to a file that gyrostat rotates", "read them with gyrostat logs NAME --follow")
_NO_EQUAL: Final[Mapping[str, tuple[str, str]]] = {
    "watch": ("files are not watched", "gyrostat restart NAME after a change"),
    "ignore_watch": ("files are not watched", ""),
    "watch_options": ("files are not watched", ""),
    "watch_delay": ("files are not watched", ""),
    "listen_timeout": ("PM2's own channel to the program", "notify.ready: socket, and notify.within"),
    "wait_ready": (
        "process.send('ready') goes over PM2's own channel",
        "notify.ready: socket, and READY=1 (sd_notify)",
    ),
    "shutdown_with_message": ("PM2's own channel to the program", "stop.signal"),
    "cron_restart": (
        "a running program is not restarted by the clock",
        "a workload with schedule.cron and command [gyrostat, restart, NAME]",
    ),
    "cron": (
        "a running program is not restarted by the clock",
        "a workload with schedule.cron and command [gyrostat, restart, NAME]",
    ),
    "instance_var": ("the number of an instance is GYROSTAT_INSTANCE, from 1", ""),
    "increment_var": ("a variable is not counted up", "ports gives each instance its own PORT"),
    "filter_env": ("what the node has in its environment is passed on", "start the node with less"),
    "pid_file": ("no pid file for each program", "gyrostat status --json"),
    "pid": ("no pid file for each program", "gyrostat status --json"),
    "post_update": ("nothing is fetched from a repository", ""),
    "pmx": ("no probe of PM2's own in the program", "docs/wire.md for facts of a program's own"),
    "trace": ("no probe of PM2's own in the program", ""),
    "append_env_to_name": ("modes are told by the names of workloads", "mode: dual"),
    **dict.fromkeys(
        ("error_file", "err_file", "error", "err", "out_file", "output", "out", "log_file", "log"), _ONE_LOG
    ),
    **dict.fromkeys(("merge_logs", "combine_logs", "log_date_format"), _ONE_LOG),
    **dict.fromkeys(("log_type", "time", "disable_logs"), _ONE_LOG),
}
_SILENT_WHEN_FALSE: Final = frozenset(
    ("watch", "time", "merge_logs", "combine_logs", "wait_ready", "disable_logs", "pmx", "trace", "append_env_to_name")
)
_IRRELEVANT: Final = frozenset(("vizion", "automation", "force", "source_map_support", "disable_source_map_support",
                                "treekill", "windowsHide", "version", "name"))  # fmt: skip


def read_pm2(source: Source, lent: Lent) -> Draft:
    """Read it. A .js file is a program, and is not run here.

    Raises: Unreadable.
    """
    del lent
    is_yaml = source.file.endswith((".yaml", ".yml"))
    tree = read_tree(source) if is_yaml else read_json(source)
    draft = Draft()
    apps = tree.entries.get("apps")
    if apps is None and "script" in tree.entries:
        apps = Items([tree], tree.origin)
    for key, _, place in entries(tree, ""):
        if apps is not None and key == "deploy":
            draft.note(place, "gyrostat deploys nothing", "gyrostat reload after a deployment")
        elif key != "apps" and "script" not in tree.entries:
            draft.note(place, "is not known", "see whether it is needed")
    for number, app in enumerate(apps.items if isinstance(apps, Items) else [apps] if apps is not None else []):
        if isinstance(app, Table):
            _App(app, f"apps[{number}]", draft).write()
    return draft


class _App:
    """One app on its way to a workload."""

    def __init__(self, table: Table, path: str, draft: Draft) -> None:
        self._table = table
        self._path = path
        self._draft = draft
        self._said: dict[str, Any] = {key: plain(value) for key, value in table.entries.items()}

    def write(self) -> None:
        place = Place(self._table.origin.file, self._table.origin.line, self._path)
        script = str(self._said.get("script", ""))
        workload: Workload = {
            "command": self._command(script, place),
            "stop": {"signal": "INT", "grace": "1600ms"},
            "restart": {},
        }
        for key, value, at in entries(self._table, self._path):
            self._take(workload, key, value, at)
        name = self._said.get("name") or PurePosixPath(script).stem or "app"
        self._draft.add(str(name), workload, place)

    def _take(self, workload: Workload, key: str, value: Tree, place: Place) -> None:
        found = plain(value)
        handler = _HANDLERS.get(key)
        if handler is not None:
            try:
                handler(self, workload, found, place)
            except (TypeError, ValueError):
                self._draft.note(place, f"{_written(found)!r} is not what PM2 has there", "write it anew")
        elif key == "treekill" and found is False:
            self._draft.note(place, "a stop ends the whole process tree")
        elif key.startswith("env_"):
            self._draft.note(place, f"pm2 start --env {key[4:]} has no equal", "modes.sandbox.env, or env_files")
        elif key in _NO_EQUAL:
            if not (found is False and key in _SILENT_WHEN_FALSE):
                self._draft.note(place, *_NO_EQUAL[key])
        elif key not in _IRRELEVANT and key not in _OF_COMMAND:
            self._draft.note(place, "is not known", "see whether it is needed")

    def _command(self, script: str, place: Place) -> list[str]:
        args = self._words("args")
        if not script:
            self._draft.note(place, "has no script", "write a command")
            return []
        interpreter = self._said.get("interpreter") or self._said.get("exec_interpreter")
        if interpreter is None and " " in script.strip():
            return for_shell(f"{script} {shlex.join(args)}".strip())
        if interpreter is None:
            interpreter = _INTERPRETERS.get(PurePosixPath(script).suffix, "none")
        options = self._words("interpreter_args") + self._words("node_args") + self._words("nodeargs")
        return [*([] if interpreter == "none" else [str(interpreter), *options]), script, *args]

    def _words(self, key: str) -> list[str]:
        said = self._said.get(key) or []
        return [str(word) for word in said] if isinstance(said, list) else shlex.split(str(said))

    # -- one key each

    def cwd(self, workload: Workload, found: Any, _: Place) -> None:
        workload["cwd"] = str(found)

    def env(self, workload: Workload, found: Any, _: Place) -> None:
        if isinstance(found, dict):
            workload["env"] = {name: literal(_written(value)) for name, value in found.items()}

    def instances(self, workload: Workload, found: Any, place: Place) -> None:
        if found in ("max", 0, -1):
            self._draft.note(place, "one for each core is not counted here", "instances: a number; 2 was taken")
            found = 2
        number = int(found) if str(found).isdecimal() else 1
        if number > 1 or self._said.get("exec_mode") in {"cluster", "cluster_mode"}:
            workload["instances"] = number

    def exec_mode(self, _: Workload, found: Any, place: Place) -> None:
        if str(found).startswith("cluster"):
            said = "instances do not share a port through Node's cluster module"
            self._draft.note(place, said, "ports: one each, or sockets: LISTEN_FDS (docs/instances.md)")

    def memory(self, workload: Workload, found: Any, place: Place) -> None:
        match = _SIZE.fullmatch(str(found).strip().upper().removesuffix("B"))
        if match is None:
            self._draft.note(place, f'"{found}" is no size', "thresholds.memory.above")
            return
        unit = {"": "B", "K": "KiB", "M": "MiB", "G": "GiB"}[match[2].upper()]
        workload["thresholds"] = {"memory": {"above": f"{match[1]}{unit}"}}

    def autorestart(self, workload: Workload, found: Any, _: Place) -> None:
        if found is False:
            workload["restart"]["policy"] = "never"

    def max_restarts(self, workload: Workload, found: Any, _: Place) -> None:
        workload["restart"]["start_limit"] = max(1, int(found))

    def min_uptime(self, workload: Workload, found: Any, place: Place) -> None:
        workload["restart"]["stable_after"] = self._span(found, place)

    def restart_delay(self, workload: Workload, found: Any, place: Place) -> None:
        delay = self._span(found, place)
        workload["restart"] |= {"backoff_first": delay, "backoff_max": delay}
        self._draft.note(place, "the first restart after a stable run is at once", f"the next ones wait {delay}")

    def backoff(self, workload: Workload, found: Any, place: Place) -> None:
        workload["restart"]["backoff_first"] = self._span(found, place)

    def stop_codes(self, workload: Workload, found: Any, _: Place) -> None:
        codes = found if isinstance(found, list) else [found]
        workload["restart"] |= {"policy": "on-failure", "success_codes": [int(code) for code in codes]}

    def kill_timeout(self, workload: Workload, found: Any, place: Place) -> None:
        workload["stop"]["grace"] = self._span(found, place)

    def user(self, workload: Workload, found: Any, place: Place) -> None:
        self._account(workload, "user", found, place)

    def group(self, workload: Workload, found: Any, place: Place) -> None:
        self._account(workload, "group", found, place)

    def _account(self, workload: Workload, key: str, found: Any, place: Place) -> None:
        if str(found).isdecimal():
            self._draft.note(place, f"a {key} is named here, not numbered", f"{key}: NAME")
        else:
            workload[key] = str(found)

    def namespace(self, workload: Workload, found: Any, _: Place) -> None:
        workload["tags"] = [str(found).lower()]

    def env_file(self, workload: Workload, found: Any, _: Place) -> None:
        workload["env_files"] = [str(found)]

    def _span(self, found: Any, place: Place) -> str:
        match = _SPAN.fullmatch(str(found).strip())
        if match is None:
            self._draft.note(place, f'"{found}" is no time', "1s was taken")
            return "1s"
        return f"{match[1]}{match[2] or 'ms'}"


Handler = Callable[[_App, Workload, Any, Place], None]
_OF_COMMAND: Final = frozenset(("script", "args", "interpreter", "exec_interpreter", "interpreter_args", "node_args",
                                "nodeargs"))  # fmt: skip
_HANDLERS: Final[Mapping[str, Handler]] = {
    "cwd": _App.cwd,
    "env": _App.env,
    "instances": _App.instances,
    "exec_mode": _App.exec_mode,
    "max_memory_restart": _App.memory,
    "autorestart": _App.autorestart,
    "max_restarts": _App.max_restarts,
    "min_uptime": _App.min_uptime,
    "restart_delay": _App.restart_delay,
    "exp_backoff_restart_delay": _App.backoff,
    "stop_exit_codes": _App.stop_codes,
    "kill_timeout": _App.kill_timeout,
    "uid": _App.user,
    "user": _App.user,
    "gid": _App.group,
    "namespace": _App.namespace,
    "env_file": _App.env_file,
}


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
