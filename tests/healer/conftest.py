import pytest

from actors.healer.actor import Healer
from bus.messages import ExplainIssue, ListIssues
from tests.harness import House
from tests.healer.fakes import LOOPING, Script, manager, quick, row, workload
from tests.healer.real import port, real_ward, word  # noqa: F401 - fixtures


class Ward:
    """A house with a scripted ProcessManager and a Healer."""

    def __init__(self, tmp_path):
        self.tmp_path = tmp_path
        self.house = House(tmp_path)
        self.script = Script(row())
        self.healer = None

    def open(self, *workloads, manager_too=True, settings=None, **changes):
        """Start both; the first workload is `api` when none is given."""
        chosen = {each.name: each for each in workloads or (workload(restart=LOOPING),)}
        for name in chosen:
            if name not in self.script.rows:
                self.script.rows[name] = row(name)
        if manager_too:
            self.house.start(manager(self.script))
        self.healer = self.house.start(Healer, settings or quick(**changes), workloads=chosen)
        return self

    def verifying(self, times=1):
        """Wait until the action of the attempt of that number is done, so that what is told next is after it."""
        self.house.until(lambda: any(step.step == "acted" for step in self.last_steps()[self._began(times) :]))

    def _began(self, times):
        steps = [number for number, step in enumerate(self.last_steps()) if step.step == "remedy"]
        return steps[times - 1] if len(steps) >= times else 1_000_000

    def looked(self, times=6):
        """Wait until the Healer has looked at the processes so many times more."""
        before = len(self.script.asked)
        self.house.until(lambda: len(self.script.asked) >= before + times)

    def last_steps(self):
        issues = self.house.ask(ListIssues(open_only=False, limit=1)).issues
        return self.house.ask(ExplainIssue(issue=issues[0].issue)).audit if issues else []

    def tell(self, *facts):
        for fact in facts:
            self.house.publish(fact, source="process_manager")


@pytest.fixture
def ward(tmp_path):
    made = Ward(tmp_path)
    yield made
    made.house.stop()
