"""Configs of other supervisors are imported by the command, and what they describe is started by a real node."""

import json
import shutil
import socket
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.conftest import Site, until

FILES = Path(__file__).with_name("files")
STAND_IN = FILES / "stand_in.py"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Moved(Site):
    """A folder with the config of another supervisor and what it needs."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.ran = directory / "ran"
        self.bin = directory / "programs"
        self.ran.mkdir()
        self.bin.mkdir()

    def program(self, path: str) -> None:
        """A stand-in: at a path of the folder, or, when it is a bare name that is absent here, on PATH."""
        if "/" not in path and shutil.which(path) is not None:
            return
        place = self.directory / path if "/" in path else self.bin / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {STAND_IN} "$@"\n')
        place.chmod(0o755)

    def take(self, name: str, *, within: dict[str, str] | None = None) -> str:
        text = (FILES / name).read_text()
        for old, new in (within or {}).items():
            assert old in text
            text = text.replace(old, new)
        (self.directory / name).write_text(text)
        code, out, err = self.call("import", name)
        assert code == 0, err
        assert all(line.startswith(f"gyrostat: {name}:") for line in err.splitlines())
        return str(out)

    def begin(self, *names: str) -> dict[str, dict[str, object]]:
        """Start the node; once all of these are up and have noted it, give what each was started with."""
        code, out, err = self.call("start")
        assert code == 0, out + err

        def up() -> dict[str, dict[str, object]]:
            rows = self.rows()
            return rows if all(rows[name]["state"] in {"running", "ready"} for name in names) else {}

        self.table = until(up, names)
        until(lambda: all((self.ran / f"{name}.json").exists() for name in names), "noted")
        return {name: json.loads((self.ran / f"{name}.json").read_text()) for name in names}


@pytest.fixture
def moved(tmp_path):
    site = Moved(tmp_path.resolve())
    site.environ |= {
        "PATH": f"{site.bin}:{site.environ['PATH']}",
        "RAN": str(site.ran),
        "QUEUES": "queries schemas",
        "WORKERS_COUNT": "2",
    }
    yield site
    site.clean()
    assert not site.processes()


def page(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        return str(answer.read().decode())


def test_workers_of_supervisord_are_started_with_their_queues_numbers_and_directory(moved):
    moved.program("app/manage.py")
    said = moved.take("worker.conf")
    assert "2 workloads" in said
    ran = moved.begin("worker-0", "worker-1")
    for number, name in enumerate(("worker-0", "worker-1")):
        assert ran[name]["argv"][1:] == ["rq", "worker", "queries", "schemas"]
        assert ran[name]["cwd"] == str(moved.directory / "app")
        assert ran[name]["env"]["WORKER"] == f"number 0{number}"
        assert ran[name]["env"]["STAGE"] == "container"
    code, out, _ = moved.call("stop")
    assert code == 0, out


def test_services_of_supervisord_run_with_their_limits_and_the_one_that_is_done_is_left(moved):
    for name in ("run cache.sh", "run-web.sh"):
        (moved.directory / name).write_text(
            f'umask > umask.$GYROSTAT_WORKLOAD\nexec {sys.executable} -I -S {STAND_IN} "$@"\n'
        )
    (moved.directory / "setup.sh").write_text("echo done > setup.done\n")
    moved.take("services.conf")
    ran = moved.begin("cache", "web")
    assert ran["cache"]["argv"][1:] == ["5"]
    assert (moved.directory / "umask.cache").read_text() == "0027\n"
    until(lambda: moved.rows()["setup"]["state"] == "exited", "setup is done")
    assert (moved.directory / "setup.done").exists()
    code, out, err = moved.call("stop", "web")
    assert (code, err) == (0, "")
    assert "killed" not in out


def test_a_procfile_is_started_with_its_port(moved):
    for name in ("newrelic-admin", "bin/pre_deploy"):
        moved.program(name)
    moved.take("Procfile")
    port = free_port()
    moved.write(moved.config.read_text().replace("'5000'", f"'{port}'"))
    ran = moved.begin("web", "celery_beat", "worker_default", "worker_log_parser")
    assert ran["web"]["argv"][-1] == f"127.0.0.1:{port}"
    assert ran["worker_default"]["env"]["REMAP_SIGTERM"] == "SIGQUIT"
    assert "log_parser,log_parser_fail" in ran["worker_log_parser"]["argv"]
    assert until(lambda: page(port), "answers") == "web"
    assert moved.rows()["release"]["state"] == "stopped"


def test_an_ecosystem_of_pm2_is_started(moved):
    port = free_port()
    for name in ("node", "npm"):
        moved.program(name)
    if shutil.which("node") is not None:
        note = "JSON.stringify({argv: process.argv, env: process.env})"
        noted = f"require('fs').writeFileSync(`${{process.env.RAN}}/app.json`, {note});"
        served = 'require("http").createServer((_, answer) => answer.end("app")).listen(process.env.PORT, "127.0.0.1");'
        (moved.directory / "src").mkdir()
        (moved.directory / "src/index.js").write_text(f"{noted}\n{served}\n")
    if shutil.which("npm") is not None:
        run = {"name": "x", "scripts": {"queue": f"exec {sys.executable} -I -S {STAND_IN}"}}
        (moved.directory / "package.json").write_text(json.dumps(run))
    moved.take("ecosystem.config.json", within={"3000": str(port), '      "uid": 1000,\n': ""})
    ran = moved.begin("app", "mail-queue-1", "mail-queue-2")
    assert ran["app"]["env"]["NODE_ENV"] == "production"
    assert ran["mail-queue-2"]["argv"][-1] == "--verbose"
    assert until(lambda: page(port), "answers") == "app"


def test_watchers_of_circus_share_their_socket(moved):
    port = free_port()
    for name in ("venv/bin/chaussette", "venv/bin/python"):
        moved.program(name)
    moved.environ["QUEUE"] = "default"
    moved.take("circus.ini", within={"28364": str(port)})
    ran = moved.begin("web-1", "web-2", "worker")
    assert ran["web-1"]["argv"][1:3] == ["--fd", "3"]
    assert ran["worker"]["argv"][1:] == ["manage.py", "pqworker", "default"]
    assert ran["worker"]["env"]["ENVDIR"] == "prod"
    assert until(lambda: page(port), "answers") in {"web", "web-1", "web-2"}


def test_a_process_compose_is_started_in_the_order_of_its_conditions(moved):
    port = free_port()
    moved.program("mise")
    moved.program("./migrate.sh")
    moved.environ["PORT_OF_CONTAINERS"] = str(port)
    moved.take("process-compose.yaml", within={"5001": str(port)})
    ran = moved.begin("backend", "frontend")
    assert ran["backend"]["argv"][1:] == ["run", "dev:back"]
    assert moved.rows()["containers"]["state"] == "ready"
    code, out, _ = moved.call("logs", "frontend")
    assert (code, out) == (0, "hello\n")
    assert moved.rows()["migrate"]["state"] == "stopped"


def test_a_file_that_is_there_is_not_written_over_and_what_is_absent_is_told_before_a_start(moved):
    (moved.directory / "Procfile").write_text("web: no-such-program-here\n")
    code, out, err = moved.call("import", "Procfile")
    assert code == 1
    assert 'gyrostat.yaml:6: workloads.web.command: no program "no-such-program-here" on PATH' in err
    assert "1 fault to put right before it is started" in err
    assert moved.call("import", "Procfile")[0] == 1
    assert "--force" in moved.call("import", "Procfile")[2]
    assert moved.call("import", "Procfile", "--force")[0] == 1
    code, out, _ = moved.call("import", "Procfile", "-o", "-")
    assert code == 0
    assert "no-such-program-here" in out
    assert json.loads(moved.call("import", "Procfile", "--json")[1])["workloads"]["web"]["ports"] == "5000"
    code, _, err = moved.call("import", "nothing.conf")
    assert (code, err) == (2, "gyrostat: nothing.conf: No such file or directory\n")
