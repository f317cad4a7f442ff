"""What an issue knows at its first symptom, of real processes."""

import os
import signal
import sys
from typing import Any

from actors.monitor.actor import Monitor as MonitorActor
from actors.settings import Probe, Probes, Seconds, Threshold
from bus.messages import ExplainIssue, IssueRaised, ProcessReady
from tests.healer.real import python

LONG_CHAIN = """
import sys
def deep(n):
    if n: return deep(n - 1) if n % 2 else deeper(n)
    open("/nowhere/at/all")
def deeper(n):
    return deep(n - 1)
try:
    deep(40)
except OSError as error:
    try:
        {}["settings"]
    except KeyError as other:
        raise RuntimeError("cannot go on") from error
"""

WORKS_UNTIL_TOLD = """
import http.server, logging, os, signal, sys
broken = []
signal.signal(signal.SIGUSR1, lambda *_: broken.append(1))
logging.basicConfig(level=logging.INFO)
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_GET(self):
        body = b"ok"
        code = 200
        if broken and self.path == "/work":
            code = 500
            try:
                try:
                    import acmelib
                except ImportError as error:
                    raise RuntimeError("no work done") from error
            except RuntimeError as error:
                if sys.argv[2] == "log":
                    logging.exception("request failed")
                    body = b""
                elif sys.argv[2] == "body":
                    body = b'{"error": "database is locked"}'
                else:
                    body = b""
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

TAKES_FILES = """
import os, time
held = [os.open("/dev/null", os.O_RDONLY) for _ in range(60)]
time.sleep(1000)
"""


def detail(house, raised):
    return house.ask(ExplainIssue(issue=raised.issue))


def test_a_traceback_longer_than_the_lines_told_of_an_exit_is_on_the_issue_whole_at_once(real_ward):
    house = real_ward([sys.executable, "-c", LONG_CHAIN])
    raised = house.wait_for(IssueRaised)
    told = detail(house, raised)
    assert told.row.failure == "file_missing"
    lines = told.trace.split("\n")
    assert len(lines) > 60
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "RuntimeError: cannot go on"
    assert "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/at/all'" in lines


def work(house_of, port, how):
    url = f"http://127.0.0.1:{port}"
    probe: dict[str, Any] = {"every": Seconds(0.1), "timeout": Seconds(1), "failures": 2}
    house = house_of(
        python(WORKS_UNTIL_TOLD, port, how),
        probes=Probes(readiness=Probe(http=f"{url}/", **probe), work=Probe(http=f"{url}/work", **probe)),
    )
    os.kill(house.wait_for(ProcessReady).pid, signal.SIGUSR1)
    return house, house.wait_for(IssueRaised)


def test_a_failing_work_probe_has_the_class_and_traceback_of_what_the_workload_wrote(real_ward, port):
    house, raised = work(real_ward, port, "log")
    told = detail(house, raised)
    assert (raised.issue_kind, told.row.failure) == ("not_working", "import")
    assert told.trace.startswith("Traceback")
    assert "ModuleNotFoundError: No module named 'acmelib'" in told.trace
    assert told.trace.rstrip().split("\n")[-1] == "RuntimeError: no work done"


def test_a_failing_work_probe_has_the_class_of_what_the_workload_answered(real_ward, port):
    house, raised = work(real_ward, port, "body")
    assert detail(house, raised).row.failure == "db_locked"
    assert "database is locked" in raised.summary


def test_a_failing_work_probe_of_a_silent_workload_has_the_class_of_the_question_and_no_trace(real_ward, port):
    house, raised = work(real_ward, port, "silent")
    told = detail(house, raised)
    assert (told.row.failure, told.trace) == ("http", "")


def test_too_many_open_files_are_told_by_the_threshold_itself(real_ward):
    house = real_ward(python(TAKES_FILES), thresholds={"fds": Threshold(above=40.0)})
    house.start(MonitorActor)
    raised = house.wait_for(IssueRaised)
    assert (raised.issue_kind, detail(house, raised).row.failure) == ("resource", "fd")
