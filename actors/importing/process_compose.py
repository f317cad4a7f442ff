"""process-compose.yaml as workloads of ours. Pure.

Source: process-compose 1.75, schemas/process-compose-schema.json and www/docs.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from actors.importing.commands import for_shell
from actors.importing.draft import Draft, Lent, Place, Source, Workload, legal_name
from actors.importing.trees import entries, plain, read_tree, texts
from actors.settings.tree import Table, Tree

_VARIABLE: Final = re.compile(r"\$\$|\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_TEMPLATE: Final = re.compile(r"\{\{\s*\.(\w+)\s*\}\}")
_SIGNALS: Final = {1: "HUP", 2: "INT", 3: "QUIT", 9: "KILL", 10: "USR1", 12: "USR2", 15: "TERM"}
_POLICIES: Final = {"always": "always", "on_failure": "on-failure", "no": "never", "exit_on_failure": "never"}
_SCREEN: Final = ("there is no screen of its own", "gyrostat up, and gyrostat logs NAME --follow")
_ONE_LOG: Final = ("each workload has a log file that gyrostat rotates", "read it with gyrostat logs NAME --follow")
_NO_EQUAL: Final[Mapping[str, tuple[str, str]]] = {
    "is_tty": ("no terminal is made for a program", "an option of the program that wants colours or a terminal"),
    "is_foreground": ("no program takes the terminal", "run it by hand"),
    "is_interactive": ("no program takes the terminal", "run it by hand"),
    "disable_ansi_colors": _SCREEN,
    "is_elevated": ("no sudo", "user: root, with a node that root runs"),
    "ready_log_line": ("a line in its log does not make it ready", "a readiness probe, or notify"),
    "log_location": _ONE_LOG,
    "launch_timeout_seconds": ("a daemon is not followed", "let it stay in the foreground"),
    "is_dotenv_disabled": ("no .env is read unless env_files names it", ""),
    "is_template_disabled": ("there are no templates", ""),
    "log_cache_lines": _SCREEN,
    "replica_scale": ("a number is not changed by load", "gyrostat scale"),
}
_WHOLE: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(("log_level", "log_length", "log_format", "log_location", "disable_json"), _SCREEN),
    **dict.fromkeys(("theme", "is_tui_disabled", "processes_to_run"), _SCREEN),
    "is_strict": ("a key that is not known is always a fault", ""),
    "env_cmds": ("no command is run for a value", "a hook, or the program itself"),
    "extends": ("one file is not laid over another", "import the merged file"),
    "ordered_shutdown": ("stops always go in the order of depends_on", ""),
    "disable_env_expansion": ("${NAME} is expanded in env", "write $${NAME} to keep it"),
}


def read_process_compose(source: Source, lent: Lent) -> Draft:
    """Read it.

    Raises: Unreadable.
    """
    tree = read_tree(source)
    draft = Draft()
    whole = _Whole(tree, draft, dotenv=lent.exists(".env"))
    for name, process, place in entries(tree.entries.get("processes"), "processes"):
        if isinstance(process, Table):
            _Process(name, process, place, whole).write()
    return draft


class _Whole:
    """What the file says of every process."""

    def __init__(self, tree: Table, draft: Draft, *, dotenv: bool) -> None:
        self.draft = draft
        self.dotenv = dotenv
        self.vars = plain(tree.entries.get("vars")) or {}
        shell = tree.entries.get("shell")
        said = plain(shell) or {}
        self.shell = str(said.get("shell_command", "bash"))
        self.names = {name: legal_name(name) for name, _, _ in entries(tree.entries.get("processes"), "")}
        self.env = self.environment(tree.entries.get("environment"))
        self.log: dict[str, Any] = {}
        for key, value, place in entries(tree, ""):
            if key in _WHOLE:
                draft.note(place, *_WHOLE[key])
            elif key == "log_configuration":
                self.log = self.logs(value, place.key)
            elif key not in {"version", "processes", "vars", "shell", "environment", "name"}:
                draft.note(place, "is not known", "see whether it is needed")
        if str(said.get("shell_argument", "-c")) != "-c":
            draft.note(Place(tree.origin.file, shell.origin.line if shell else 1, "shell"), "a shell gets -c here")

    def environment(self, tree: Tree | None) -> dict[str, str]:
        """`NAME=value` texts, or a mapping."""
        if isinstance(tree, Table):
            pairs = [(name, "" if value is None else str(value)) for name, value in plain(tree).items()]
        else:
            pairs = [(name, value) for name, _, value in (one.partition("=") for one in texts(tree))]
        return {name: _VARIABLE.sub(_in_env, self.filled(value)) for name, value in pairs if name}

    def filled(self, text: str) -> str:
        """The text with what the file itself knows in the place of its templates."""

        def replaced(match: re.Match[str]) -> str:
            if match[1] == "PC_REPLICA_NUM":
                return "${GYROSTAT_INSTANCE}"
            return str(self.vars.get(match[1], match[0]))

        return _TEMPLATE.sub(replaced, text)

    def logs(self, tree: Tree, path: str) -> dict[str, Any]:
        """The part of a log's configuration that has an equal."""
        found: dict[str, Any] = {}
        for key, value, place in entries(tree, path):
            if key != "rotation":
                self.draft.note(place, *_ONE_LOG)
                continue
            for name, each, at in entries(value, place.key):
                if name == "max_size_mb":
                    found["max_size"] = f"{plain(each)}MB"
                elif name == "max_backups":
                    found["keep"] = plain(each)
                else:
                    self.draft.note(at, "is said in another way", "see log in config/default.yaml")
        return found


class _Process:
    """One process on its way to a workload."""

    def __init__(self, name: str, table: Table, place: Place, whole: _Whole) -> None:
        self._name = name
        self._table = table
        self._place = place
        self._whole = whole
        self._draft = whole.draft

    def write(self) -> None:
        workload: Workload = {"command": self._command(), "env": dict(self._whole.env), "restart": {"policy": "never"}}
        workload["log"] = dict(self._whole.log)
        if self._whole.dotenv:
            workload["env_files"] = [".env"]
        for key, value, place in entries(self._table, self._place.key):
            handler = _HANDLERS.get(key)
            if handler is not None:
                handler(self, workload, value, place)
            elif key in _NO_EQUAL:
                if plain(value) is not False:
                    self._draft.note(place, *_NO_EQUAL[key])
            elif key not in {"command", "entrypoint", "description"}:
                self._draft.note(place, "is not known", "see whether it is needed")
        self._draft.add(self._name, workload, self._place)

    def _command(self) -> list[str]:
        entrypoint = texts(self._table.entries.get("entrypoint"))
        command = " ".join(texts(self._table.entries.get("command")))
        text = self._whole.filled(command)
        if _TEMPLATE.search(text):
            self._draft.note(self._place, "a template of Go is not filled in", "write what it says")
        text = text.replace("$$", "$")
        try:
            return [*entrypoint, *shlex.split(text)] if entrypoint else for_shell(text, self._whole.shell) or []
        except ValueError as error:
            self._draft.note(self._place, f"command cannot be split: {error}", "write it anew")
            return []

    # -- one key each

    def schedule(self, workload: Workload, value: Tree, place: Place) -> None:
        names = {"cron": "cron", "timezone": "timezone", "interval": "every"}
        said = {key: (plain(one), at) for key, one, at in entries(value, place.key)}
        workload["schedule"] = {names[key]: str(found) for key, (found, _) in said.items() if key in names}
        at_start, at = said.get("run_on_start", ("interval" in said, place))
        if at_start is not ("interval" in said):
            self._draft.note(at, "an interval begins with a run, and a cron expression does not", "gyrostat start NAME")
        if "max_concurrent" in said:
            self._draft.note(said["max_concurrent"][1], "two runs are never at the same time", "schedule.overlap")

    def working_dir(self, workload: Workload, value: Tree, place: Place) -> None:
        text = str(plain(value))
        if "$" in text:
            self._draft.note(place, "a variable cannot stand here", "write what it says")
        workload["cwd"] = text

    def environment(self, workload: Workload, value: Tree, _: Place) -> None:
        workload["env"] |= self._whole.environment(value)

    def env_file(self, workload: Workload, value: Tree, _: Place) -> None:
        workload["env_files"] = texts(value)

    def replicas(self, workload: Workload, value: Tree, place: Place) -> None:
        workload["instances"] = plain(value)
        self._draft.note(place, "instances are numbered from 1, replicas from 0", "GYROSTAT_INSTANCE")

    def disabled(self, workload: Workload, value: Tree, _: Place) -> None:
        if plain(value) is True:
            workload["autostart"] = False

    def namespace(self, workload: Workload, value: Tree, _: Place) -> None:
        workload["tags"] = [legal_name(str(plain(value)))]

    def daemon(self, _: Workload, value: Tree, place: Place) -> None:
        if plain(value) is True:
            self._draft.note(place, "a daemon is not followed", "let it stay in the foreground")

    def success(self, workload: Workload, value: Tree, place: Place) -> None:
        codes = plain(value)
        wanted = [code for code in codes if isinstance(code, int)] if isinstance(codes, list) else []
        if wanted:
            workload["restart"]["success_codes"] = sorted({0, *wanted})
        else:
            self._draft.note(place, "is no list of exit codes", "restart.success_codes")

    def log(self, workload: Workload, value: Tree, place: Place) -> None:
        workload["log"] |= self._whole.logs(value, place.key)

    def availability(self, workload: Workload, value: Tree, place: Place) -> None:
        restart = workload["restart"]
        for key, each, at in entries(value, place.key):
            found = plain(each)
            if key == "restart":
                restart["policy"] = _POLICIES.get(str(found), "never")
                if found == "exit_on_failure":
                    self._draft.note(at, "the others do not end with it", "critical: true makes the node critical")
            elif key == "backoff_seconds":
                restart |= {"backoff_first": f"{found}s", "backoff_max": f"{max(int(found), 1)}s"}
            elif key == "max_restarts":
                if found:
                    restart["start_limit"] = int(found) + 1
            else:
                self._draft.note(at, "the others do not end with it", "critical: true makes the node critical")

    def depends_on(self, workload: Workload, value: Tree, place: Place) -> None:
        needs: dict[str, str] = {}
        for name, each, at in entries(value, place.key):
            condition = str((plain(each) or {}).get("condition", "process_started"))
            needs[self._whole.names.get(name, name)] = "ready" if condition == "process_healthy" else "started"
            if condition == "process_log_ready":
                self._draft.note(at, "a line in its log does not make it ready", "a readiness probe, and: ready")
            elif condition.startswith("process_completed"):
                self._draft.note(at, "it is not waited for its end", "started holds as soon as it runs")
        workload["depends_on"] = needs

    def shutdown(self, workload: Workload, value: Tree, place: Place) -> None:
        stop: dict[str, Any] = {}
        for key, each, at in entries(value, place.key):
            found = plain(each)
            if key == "signal":
                stop["signal"] = _SIGNALS.get(found, "TERM") if isinstance(found, int) else str(found)
            elif key == "timeout_seconds":
                stop["grace"] = f"{found}s"
            elif key == "command":
                self._draft.note(
                    at, "no command is run to stop it", "stop.signal or stop.steps; the whole tree is ended"
                )
            elif found is not False:
                self._draft.note(at, "the whole process tree is ended", "nothing is left over")
        workload["stop"] = stop

    def readiness(self, workload: Workload, value: Tree, place: Place) -> None:
        self._probe(workload, "readiness", value, place)

    def liveness(self, workload: Workload, value: Tree, place: Place) -> None:
        self._probe(workload, "liveness", value, place)

    def _probe(self, workload: Workload, kind: str, value: Tree, place: Place) -> None:
        probe: dict[str, Any] = {}
        for key, each, at in entries(value, place.key):
            found = plain(each)
            if key == "http_get":
                self._http(probe, found if isinstance(found, dict) else {}, at)
            elif key == "exec":
                said = found if isinstance(found, dict) else {}
                probe["exec"] = for_shell(str(said.get("command", "true")), self._whole.shell)
                if "working_dir" in said:
                    self._draft.note(at, "a probe runs where its workload does", "cd within the command")
            elif key in _TIMES:
                probe[_TIMES[key]] = f"{found}s"
            elif key in _COUNTS:
                probe[_COUNTS[key]] = max(1, int(found))
            else:
                self._draft.note(at, "is not known", "see whether it is needed")
        if "http" in probe or "exec" in probe:
            workload.setdefault("probes", {})[kind] = probe

    def _http(self, probe: dict[str, Any], said: Mapping[str, Any], place: Place) -> None:
        scheme, host = said.get("scheme") or "http", said.get("host") or "127.0.0.1"
        port = self._whole.filled(str(said.get("port") or said.get("num_port") or ""))
        path = str(said.get("path") or "/")
        probe["http"] = f"{scheme}://{host}{f':{port}' if port else ''}/{path.lstrip('/')}"
        if isinstance(said.get("headers"), dict):
            probe["headers"] = {name: str(value) for name, value in said["headers"].items()}
        if said.get("status_code"):
            probe["status"] = [str(said["status_code"])]
        rest = sorted(set(said) - {"scheme", "host", "port", "num_port", "path", "headers", "status_code"})
        if rest:
            self._draft.note(place, f"{', '.join(rest)} is not taken over", "see probes in config/default.yaml")


_TIMES: Final = {"initial_delay_seconds": "initial_delay", "period_seconds": "every", "timeout_seconds": "timeout"}
_COUNTS: Final = {"success_threshold": "successes", "failure_threshold": "failures"}
Handler = Callable[[_Process, Workload, Tree, Place], None]
_HANDLERS: Final[Mapping[str, Handler]] = {
    "working_dir": _Process.working_dir,
    "environment": _Process.environment,
    "env_file": _Process.env_file,
    "replicas": _Process.replicas,
    "disabled": _Process.disabled,
    "schedule": _Process.schedule,
    "namespace": _Process.namespace,
    "is_daemon": _Process.daemon,
    "success_exit_codes": _Process.success,
    "log_configuration": _Process.log,
    "availability": _Process.availability,
    "depends_on": _Process.depends_on,
    "shutdown": _Process.shutdown,
    "readiness_probe": _Process.readiness,
    "liveness_probe": _Process.liveness,
}


def _in_env(match: re.Match[str]) -> str:
    name = match[1] or match[2]
    return "$" if name is None else f"${{{name}}}" if name.startswith("GYROSTAT_") else f"${{{name}:-}}"
