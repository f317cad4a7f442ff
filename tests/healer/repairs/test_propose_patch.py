"""A patch is written for a program's source, applied only when allowed, and taken back when it does not help."""

import msgspec
import pytest

from actors.healer.remedies import Planned, Unfit
from actors.healer.repairs.propose_patch import ProposePatch
from actors.settings.repair import Repair
from bus.messages import IssueEscalated, IssueResolved, RemedyFailed, RemedyStarted
from tests.healer.real import alive, pid_of, python
from tests.healer.repairs.scenes import scene

pytest.importorskip("libcst")

LACKS = "import time\n\n\ndef main():\n    print(json.dumps({'a': 1}))\n    time.sleep(1000)\n\n\nmain()\n"
MORE = LACKS.replace("time.sleep(1000)", "raise RuntimeError('and more')")
READS = "import time\n\nsettings = {'a': 1}\nprint(settings['b'])\ntime.sleep(1000)\n"


def failing(directory, *, apply=False, sources=("app.py",), name="json"):
    (directory / "app.py").write_text(LACKS)
    frames = '  File "app.py", line 9, in <module>\n  File "app.py", line 5, in main\n'
    trace = f"{frames}NameError: name '{name}' is not defined\n"
    here = scene(directory, Repair(sources=list(sources), apply_patches=apply), text=trace, failure="key")
    return msgspec.structs.replace(here, keep=directory / "state" / "healer" / "api")


def test_a_patch_is_written_down_and_nothing_is_changed_unless_allowed(tmp_path):
    here = failing(tmp_path)
    found = ProposePatch().look(here)
    assert isinstance(found, Unfit)
    patch = tmp_path / "state" / "patches" / "api-i0.patch"
    assert str(patch) in found.why
    assert (tmp_path / "app.py").read_text() == LACKS
    assert patch.read_text().splitlines()[:5] == [
        "--- a/app.py",
        "+++ b/app.py",
        "@@ -1,4 +1,5 @@",
        " import time",
        "+import json",
    ]


def test_a_patch_that_is_allowed_is_applied_and_can_be_taken_back(tmp_path):
    here = failing(tmp_path, apply=True)
    planned = ProposePatch().look(here)
    assert isinstance(planned, Planned)
    assert ProposePatch().act(here, planned).then == "restart"
    assert "import json" in (tmp_path / "app.py").read_text()
    ProposePatch().take_back(here, planned.undo)
    assert (tmp_path / "app.py").read_text() == LACKS


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sources": ()}, "names no sources"),
        ({"sources": ("other.py",)}, "app.py is not one of its sources"),
        ({"name": "qqq"}, "no module is known"),
    ],
)
def test_nothing_is_proposed_beyond_what_is_allowed_or_certain(tmp_path, changes, why):
    found = ProposePatch().look(failing(tmp_path, **changes))
    assert isinstance(found, Unfit)
    assert why in found.why


def script(directory, source):
    (directory / "app.py").write_text(source)
    return [*python("")[:1], "-B", str(directory / "app.py")]


@pytest.mark.parametrize("source", [LACKS, READS])
def test_a_program_runs_again_with_its_patch(real_ward, tmp_path, source):
    house = real_ward(script(tmp_path, source), repair=Repair(sources=["*.py"], apply_patches=True))
    assert house.wait_for(IssueResolved).by == "propose_patch"
    assert alive(pid_of(house))


def test_a_program_keeps_its_source_when_the_patch_is_not_enough(real_ward, tmp_path):
    house = real_ward(script(tmp_path, MORE), repair=Repair(sources=["*.py"], apply_patches=True))
    failed = house.wait_for(RemedyFailed, lambda fact: fact.remedy == "propose_patch")
    assert failed.undone == "propose_patch"
    assert (tmp_path / "app.py").read_text() == MORE


def test_a_program_without_leave_is_not_changed_and_a_person_is_told(real_ward, tmp_path):
    house = real_ward(script(tmp_path, LACKS), repair=Repair(sources=["*.py"]))
    house.wait_for(IssueEscalated)
    assert "propose_patch" not in {fact.remedy for fact in house.events(RemedyStarted)}
    assert (tmp_path / "app.py").read_text() == LACKS
    assert list((tmp_path / "state" / "patches").iterdir())
