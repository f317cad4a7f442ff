"""Every key of a file of another supervisor is taken over, or told with its line and what to do instead."""

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.importing.commands import for_shell, held, in_env, pairs_of, without_shell
from actors.importing.draft import Draft, Lent, Source, Unreadable, legal_name, unique
from actors.importing.formats import READERS, format_of, read
from actors.importing.ini import read_ini
from actors.importing.write import to_yaml
from actors.settings import load

FILES = Path(__file__).with_name("files")
NAMES = ["worker.conf", "services.conf", "Procfile", "ecosystem.config.json", "circus.ini", "process-compose.yaml"]
ENVIRON = {"QUEUES": "queries schemas", "WORKERS_COUNT": "2"}


def imported(name: str, environ=ENVIRON, **lent) -> Draft:
    return read(Source(name, (FILES / name).read_text()), Lent(environ=environ, **lent))


def of(text: str, name: str = "supervisord.conf", **lent) -> Draft:
    return read(Source(name, text), Lent(**lent))


def told(draft: Draft) -> str:
    return "\n".join(map(str, draft.notes))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_can_be_loaded_and_says_the_same(name, tmp_path):
    draft = imported(name)
    text = to_yaml(draft, name)
    (tmp_path / "gyrostat.yaml").write_text(text)
    settings = load(tmp_path / "gyrostat.yaml", actor_types={}, resolve=None, environ={})
    assert list(settings.declared) == list(draft.workloads)
    assert yaml.safe_load(text)["workloads"] == draft.workloads
    assert text.count("\n# ") == len(draft.notes) + bool(draft.notes)


@pytest.mark.parametrize("name", NAMES)
def test_every_note_names_a_line_that_says_it_and_no_key_is_dropped_in_silence(name):
    lines = (FILES / name).read_text().splitlines()
    for note in imported(name).notes:
        key = re.split(r"[.:\[\]]+", note.key.rstrip("]"))[-1]
        assert note.file == name
        assert note.line >= 1
        assert key.lower() in lines[note.line - 1].lower() or lines[note.line - 1].strip() in {"{", ""} or key.isdigit()


def test_supervisord_programs_with_numbers_become_workloads_with_numbers():
    draft = imported("worker.conf")
    assert list(draft.workloads) == ["worker-0", "worker-1"]
    assert draft.workloads["worker-1"] == {
        "command": ["sh", "-c", "exec ./manage.py rq worker $QUEUES"],
        "cwd": "app",
        "env": {"STAGE": "container", "WORKER": "number 01"},
        "restart": {"policy": "always"},
        "stop": {"signal": "TERM"},
        "tags": ["worker"],
    }
    assert "worker.conf:24: program:worker" not in told(draft)  # redirect_stderr is as it is here
    assert "worker.conf:26: eventlistener:check: no event protocol over stdin; subscribe to the bus" in told(draft)
    assert "WORKERS_COUNT is not set where this was imported; 1 was taken" in told(imported("worker.conf", {}))


def test_supervisord_programs_come_in_the_order_of_their_priorities_with_their_limits():
    draft = imported("services.conf")
    assert list(draft.workloads) == ["cache", "web", "setup"]
    assert draft.workloads["cache"]["command"] == ["bash", "run cache.sh", "5"]
    assert draft.workloads["cache"]["umask"] == "027"
    assert draft.workloads["cache"]["restart"] == {
        "policy": "always",
        "start_limit": 2,
        "start_limit_window": "10s",
        "stable_after": "1s",
    }
    assert draft.workloads["web"] == {
        "command": ["bash", "run-web.sh"],
        "restart": {
            "policy": "on-failure",
            "success_codes": [0, 2],
            "start_limit": 3,
            "start_limit_window": "48s",
            "stable_after": "15s",
        },
        "stop": {"signal": "QUIT", "grace": "60s"},
        "log": {"max_size": "50MiB", "keep": 3},
        "tags": ["front"],
    }
    assert draft.workloads["setup"]["restart"]["policy"] == "never"
    assert "services.conf:1: inet_http_server: no XML-RPC" in told(draft)
    assert "services.conf:34: program:web.stderr_logfile: lines of stdout and stderr go to one file" in told(draft)


def test_supervisord_reads_what_it_includes_and_tells_what_is_not_there():
    def files(pattern):
        return [Source(f"{pattern}/x.conf", "[program:x]\ncommand=x\n")] if pattern == "there" else []

    draft = of("[supervisord]\n[include]\nfiles = there gone\n", files=files)
    assert draft.workloads["x"]["command"] == ["x"]
    assert told(draft) == 'supervisord.conf:3: include.files: "gone" means no file here; import those files as well'


def test_supervisord_keeps_quotes_percent_signs_and_variables_as_they_are():
    text = "[program:a]\ncommand=run \"two words\" 100%% %(ENV_HOME)s/x '%(program_name)s' ${SHELL}\n"
    assert of(text).workloads["a"]["command"] == ["sh", "-c", "exec run 'two words' 100% \"${HOME}\"/x a '${SHELL}'"]
    environment = '[program:a]\ncommand=a\nenvironment=A="1,2",B=\'x %(ENV_HOME)s\',\n  C=3,D="${plain}"\n'
    assert of(environment).workloads["a"]["env"] == {"A": "1,2", "B": "x ${HOME:-}", "C": "3", "D": "$${plain}"}


def test_supervisord_says_which_line_has_no_effect_as_its_key_stands_there_again_and_what_is_no_policy():
    draft = of("[program:a]\ncommand=a\n[program:a]\ncommand=b\nautorestart=maybe\n")
    assert draft.workloads["a"]["command"] == ["b"]
    assert told(draft) == (
        "supervisord.conf:2: program:a.command: stands there again below, which counts\n"
        'supervisord.conf:5: program:a.autorestart: "maybe" is no true, false or unexpected; false was taken'
    )


def test_supervisord_says_what_it_cannot_read():
    draft = of("[program:a]\ncommand=a 'b\nuser=1000\nenvironment=nothing\nnew_key=1\nnumprocs=many\n[nothing]\n")
    assert "command" not in draft.workloads["a"]  # which config check refuses: nothing is made up that could be started
    said = told(draft)
    for part in (":2: program:a.command: cannot be split", ":3: program:a.user: a user is named here", ":4: ", ":5: "):
        assert f"supervisord.conf{part}" in said
    assert '"many" is no number; 1 was taken' in said
    assert "supervisord.conf:7: nothing: is not known" in said


def test_a_procfile_runs_by_a_shell_only_where_it_needs_one():
    draft = imported("Procfile", exists=lambda name: name == ".env")
    web, beat, worker, parser, release = draft.workloads.values()
    assert web["command"][:2] == ["sh", "-c"]
    assert (web["ports"], beat.get("ports")) == ("5000", None)
    assert beat["command"][:3] == ["newrelic-admin", "run-program", "celery"]
    assert worker["command"][:2] == ["sh", "-c"]
    assert parser["command"][-2] == "log_parser,log_parser_fail"
    assert (release["autostart"], release["restart"]) == (False, {"policy": "never"})
    assert all(one["env_files"] == [".env"] for one in draft.workloads.values())
    draft = of("web: x\nno colon here\nworker : y &\n", "Procfile")
    assert list(draft.workloads) == ["web"]
    assert 'Procfile:2: "no colon here": is no NAME: COMMAND; it was left out, as foreman does' in told(draft)
    with pytest.raises(Unreadable, match=r'Procfile:1: "no colon here": is no NAME: COMMAND'):
        of("no colon here\n", "Procfile")


def test_an_ecosystem_of_pm2_keeps_its_signal_and_its_times():
    draft = imported("ecosystem.config.json")
    app, queue = draft.workloads.values()
    assert app == {
        "command": ["node", "src/index.js"],
        "stop": {"signal": "INT", "grace": "1600ms"},
        "env": {"NODE_ENV": "production", "PORT": "3000"},
        "thresholds": {"memory": {"above": "300MiB"}},
    }
    assert list(draft.workloads) == ["app", "mail-queue"]
    assert queue["command"] == ["npm", "run", "queue", "--", "--verbose"]
    assert queue["stop"] == {"signal": "INT", "grace": "5000ms"}
    assert queue["restart"] == {"backoff_first": "2000ms", "backoff_max": "2000ms"}
    assert queue["instances"] == 2
    said = told(draft)
    assert "ecosystem.config.json:22: apps[1].cron_restart: a running program is not restarted by the clock" in said
    assert "notify.ready: socket, and READY=1 (sd_notify)" in said
    assert "ecosystem.config.json:27: deploy: gyrostat deploys nothing" in said


def test_an_ecosystem_may_be_yaml_or_one_app_and_a_program_is_not_run():
    assert of("apps:\n- script: a.py\n  args: [1, two words]\n", "eco.yaml").workloads["a"]["command"] == [
        "python3",
        "a.py",
        "1",
        "two words",
    ]
    assert of('{"script": "npm start", "name": "x"}', "p.json").workloads["x"]["command"] == ["npm", "start"]
    with pytest.raises(Unreadable, match="is a program, and is not run here"):
        of("module.exports = {}", "ecosystem.config.js")


def test_circus_passes_its_sockets_by_the_descriptors_they_have_here():
    draft = imported("circus.ini")
    assert list(draft.workloads) == ["worker", "web"]
    web, worker = draft.workloads["web"], draft.workloads["worker"]
    assert web["command"] == ["venv/bin/chaussette", "--fd", "3", "--backend", "waitress", "paste:development.ini"]
    assert (web["instances"], web["sockets"]) == (2, {"web": "127.0.0.1:28364"})
    assert web["env"] == {"ENVDIR": "prod", "PythonPath": "${HOME:-}/webapps"}
    assert web["stop"] == {"grace": "30s"}
    assert worker["command"] == ["sh", "-c", "exec venv/bin/python manage.py pqworker $QUEUE"]
    assert (worker["limits"], worker["log"]) == ({"rlimits": {"nofile": "512"}}, {"max_size": "1073741B", "keep": 7})
    assert worker["stop"] == {"grace": "12s"}
    said = told(draft)
    assert "circus.ini:3: circus.endpoint: gyrostat has its own" in said
    assert "circus.ini:24: watcher:worker.hooks.before_start: a Python function of circus is not called" in said
    assert "circus.ini:25: watcher:worker.max_age" in said


def test_process_compose_keeps_probes_conditions_and_policies():
    draft = imported("process-compose.yaml")
    containers, backend, frontend, migrate = draft.workloads.values()
    assert containers["command"][:2] == ["bash", "-c"]
    assert containers["probes"]["readiness"] == {
        "http": "http://127.0.0.1:5001/",
        "initial_delay": "0s",
        "every": "1s",
        "timeout": "5s",
        "successes": 1,
        "failures": 20,
    }
    assert containers["stop"] == {"signal": "INT", "grace": "4s"}
    assert backend["depends_on"] == {"containers": "ready"}
    assert backend["restart"] == {
        "policy": "on-failure",
        "backoff_first": "2s",
        "backoff_max": "2s",
        "start_limit": 4,
    }
    assert frontend["command"] == ["bash", "-c", "echo 'hello' && exec mise run dev:front"]
    assert (frontend["tags"], frontend["depends_on"]) == (["ui"], {"backend": "started"})
    assert (migrate["autostart"], migrate["env"]) == (False, {"STAGE": "local", "TARGET": "${STAGE:-}-db"})
    said = told(draft)
    assert "process-compose.yaml:22: processes.Containers.shutdown.command: no command is run to stop it" in said
    assert "process-compose.yaml:27: processes.Backend.is_tty: no terminal is made for a program" in said


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("Procfile.dev", "", "procfile"),
        ("x.json", "", "pm2"),
        ("x.yml", "apps: []", "pm2"),
        ("x.yaml", "processes: {}", "process-compose"),
        ("x.ini", "[watcher:a]", "circus"),
        ("x.conf", "[program:a]", "supervisord"),
    ],
)
def test_the_format_is_told_by_the_name_or_the_text(name, text, form):
    assert format_of(Source(name, text)) == form
    assert form in READERS


def test_what_is_no_config_is_said_in_one_line():
    for name, text in (
        ("x", "hello"),
        ("x.conf", "[program:a"),
        ("Procfile", ""),
        ("x.json", "{"),
        ("x.yaml", "- a: ["),
    ):
        with pytest.raises(Unreadable) as refused:
            of(text, name)
        assert len(str(refused.value).splitlines()) == 1
        assert str(refused.value).startswith(name)


def test_names_become_ours_and_stay_apart():
    assert legal_name("Mail Queue!") == "mail-queue"
    assert legal_name("__") == "__"
    assert legal_name("É") == "workload"
    assert unique("web", {"web": 1, "web-2": 1}) == "web-3"
    draft = of("[program:Web]\ncommand=a\n[program:web]\ncommand=b\n")
    assert list(draft.workloads) == ["web", "web-2"]
    assert '"Web" is called web here' in told(draft)


def test_command_lines_are_split_only_where_that_says_the_same():
    assert for_shell("a 'b c' d") == ["a", "b c", "d"]
    for line in ("a | b", "A=1 b", "cd x", "a *.py", "a $B", "a; b", "(a)", "a > b", "a ~/x"):
        assert for_shell(line) == ["sh", "-c", line]
    assert without_shell("a *.py ~ $X") == ["a", "*.py", "~", "$X"]
    assert without_shell(f"a x{held('B')}'y z'") == ["sh", "-c", "exec a x\"${B}\"'y z'"]
    assert in_env("${A}" + held("B")) == "$${A}${B:-}"
    with pytest.raises(ValueError, match="no list of NAME"):
        pairs_of("a b", str)


@given(st.text(alphabet="[]:=;#%()'\"\n abcENV_$\\,{}-\0\x7f", max_size=200))
@settings(deadline=None, max_examples=300)
def test_no_text_makes_a_reader_raise_anything_but_its_refusal(text):
    for form, reader in READERS.items():
        try:
            reader(Source("x", text), Lent())
            if form == "supervisord":
                read_ini(Source("x", text), inline=True)
        except Unreadable as refused:
            assert str(refused).startswith("x")  # noqa: PT017 - none is needed


def test_supervisord_names_the_folder_and_the_machine_of_the_file():
    common = '[supervisord]\nenvironment=PATH="%(here)s/bin:%(ENV_PATH)s"\n'
    draft = of(f"{common}[program:a]\ncommand=%(here)s/a %(host_node_name)s\n", folder="/srv/site", host="box")
    assert draft.workloads["a"]["command"] == ["/srv/site/a", "box"]
    assert draft.workloads["a"]["env"] == {"PATH": "/srv/site/bin:${PATH:-}"}


def test_circus_masks_every_watcher_and_tells_of_included_files_too():
    def files(pattern):
        return [Source(pattern, f"[circus]\ninclude={pattern}\n[watcher:b]\ncmd=b\n[odd]\nx=1\n")]

    draft = of("[circus]\numask=002\ninclude=b.ini\n[watcher:a]\ncmd=a\n", "circus.ini", files=files)
    assert [one["umask"] for one in draft.workloads.values()] == ["002", "002"]
    assert told(draft) == "b.ini:5: odd: is not known; see whether it is needed"


def test_pm2_takes_numbers_where_it_expects_text_and_tells_what_it_cannot_read():
    app = {"script": "sleep", "args": 1000, "max_restarts": "many", "treekill": False}
    draft = of(json.dumps({"apps": [app]}), "ecosystem.config.json")
    assert draft.workloads["sleep"]["command"] == ["sleep", "1000"]
    assert "apps[0].max_restarts: 'many' is not what PM2 has there; write it anew" in told(draft)
    assert "apps[0].treekill: a stop ends the whole process tree" in told(draft)


def test_process_compose_schedules_are_ours():
    text = """processes:
  a: {command: date, schedule: {cron: "*/5 * * * *", timezone: UTC, run_on_start: true, max_concurrent: 2}}
  b: {command: date, schedule: {interval: 30s}}
"""
    draft = of(text, "process-compose.yaml")
    assert draft.workloads["a"]["schedule"] == {"cron": "*/5 * * * *", "timezone": "UTC"}
    assert draft.workloads["b"]["schedule"] == {"every": "30s"}
    assert "schedule.run_on_start: an interval begins with a run" in told(draft)
    assert "schedule.max_concurrent: two runs are never at the same time" in told(draft)
