"""Error lines of a workload that runs: a burst is no issue, what goes on is one, or evidence of one that is open."""

from actors.process_manager.settings import ProcessManagerSettings
from actors.settings import Seconds
from actors.settings.repair import Repair
from bus.messages import (
    ExplainIssue,
    IssueEscalated,
    IssueRaised,
    IssueResolved,
    ListIssues,
    LogLinesRead,
    ProbeFailed,
    RemedyVerified,
)
from tests.healer.fakes import probes, quick, workload
from tests.healer.real import python

SOON = {"lines": 4, "lasting": 0.2, "quiet": 0.3}


def lines(errors, *, end=100, former=0):
    return LogLinesRead(
        subject="api",
        lines=errors + 3,
        errors=errors,
        read_bytes=10,
        end=end,
        former_errors=former,
        former_lines=former,
    )


def wait_awake(ward):
    """What was before the Healer is not known to it; wait until it judges."""
    begun_s = ward.house.clock()
    ward.house.until(lambda: ward.house.clock() - begun_s > SOON["quiet"] + 0.1)


def go_on(ward, until, errors=2):
    """Error lines are told again and again until that holds."""
    told_s = [-1.0]

    def more():
        if ward.house.clock() - told_s[0] > 0.05:
            told_s[0] = ward.house.clock()
            ward.tell(lines(errors))
        return until()

    ward.house.until(more)


def issues(ward):
    return ward.house.ask(ListIssues()).issues


def test_error_lines_that_go_on_are_an_issue_and_nothing_is_restarted_for_them(ward):
    ward.open(workload(), errors=SOON)
    ward.script.log = ["INFO ok", "ERROR cannot reach 10.0.0.1:80: Connection refused"]
    wait_awake(ward)
    go_on(ward, lambda: issues(ward))
    raised = ward.house.wait_for(IssueRaised)
    assert raised.issue_kind == "errors"
    told = ward.house.ask(ExplainIssue(issue=raised.issue))
    assert (told.row.failure, "Connection refused" in told.trace) == ("connection", True)
    ward.house.wait_for(IssueEscalated)
    assert ward.script.actions() == []


def test_once_it_is_quiet_the_issue_is_gone_by_itself(ward):
    ward.open(workload(), errors=SOON)
    wait_awake(ward)
    go_on(ward, lambda: issues(ward))
    assert ward.house.wait_for(IssueResolved).by == "itself"


def test_a_burst_that_ends_is_no_issue(ward):
    ward.open(workload(), errors=SOON)
    wait_awake(ward)
    ward.tell(lines(500))
    begun_s = ward.house.clock()
    ward.house.until(lambda: ward.house.clock() - begun_s > 3 * SOON["quiet"])
    assert issues(ward) == []


def test_error_lines_of_the_life_before_do_not_count(ward):
    ward.open(workload(), errors=SOON)
    wait_awake(ward)
    begun_s = ward.house.clock()
    told_s = [begun_s]

    def told_for_long():
        if ward.house.clock() - told_s[0] > 0.05:
            told_s[0] = ward.house.clock()
            ward.tell(lines(3, former=3))
        return ward.house.clock() - begun_s > 3 * SOON["lasting"]

    ward.house.until(told_for_long)
    assert issues(ward) == []


def test_error_lines_are_evidence_of_an_issue_that_is_open(ward):
    ward.open(workload(probes=probes(liveness={})), errors=SOON, verify_within=30.0, stable_for=20.0)
    wait_awake(ward)
    ward.script.log = ["ERROR database is locked"]
    ward.tell(ProbeFailed(subject="api", probe="liveness", failures=3, detail="no answer within 1 s"))
    raised = ward.house.wait_for(IssueRaised)
    before = issues(ward)[0].count
    go_on(ward, lambda: issues(ward)[0].count > before)
    assert [each.issue for each in issues(ward)] == [raised.issue]


MAKES_ERRORS_WITHOUT_ITS_DIRECTORY = """
import pathlib, time
while True:
    try:
        pathlib.Path("spool/now").write_text("x")
        print("INFO spooled", flush=True)
    except OSError as error:
        print(f"ERROR {error}", flush=True)
    time.sleep(0.02)
"""


def test_a_repair_that_its_config_allows_ends_the_errors_of_a_running_process(real_ward):
    house = real_ward(
        python(MAKES_ERRORS_WITHOUT_ITS_DIRECTORY),
        manager=ProcessManagerSettings(log_check=Seconds(0.5), log_read_every=Seconds(0.1)),
        repair=Repair(directories=["spool"]),
        healer=quick(stable_for=0.2, verify_within=15.0, errors={"lines": 3, "lasting": 0.5, "quiet": 3.0}),
    )
    raised = house.wait_for(IssueRaised, timeout_s=60.0)
    assert raised.issue_kind == "errors"
    assert house.wait_for(RemedyVerified, timeout_s=60.0).remedy == "make_directory"
