"""The configuration that a workload was last well with is put back when a change of it breaks the workload."""

import json
import os
import time

from actors.healer.last_good import LIVED_WITH_S, LastGood
from actors.healer.remedies import Planned, Unfit
from actors.healer.repairs.put_back_config import PutBackConfig
from actors.settings import Seconds
from actors.settings.probes import Probe, Probes
from actors.settings.repair import Repair
from bus.messages import IssueResolved, ProcessStarted, RemedyFailed, RestartProcess
from tests.healer.real import alive, pid_of, python
from tests.healer.repairs.scenes import scene

READS_ITS_CONFIG = """
import json, pathlib, time
config = json.loads(pathlib.Path("app.json").read_text())
print("runs every", config["every"], flush=True)
time.sleep(1000)
"""
READS_IT_AGAIN = """
import json, pathlib, time
while True:
    try:
        pathlib.Path("answer").write_text(str(1 / json.loads(pathlib.Path("app.json").read_text())["every"]))
    except Exception:
        pathlib.Path("answer").unlink(missing_ok=True)
    time.sleep(0.05)
"""


def at(directory):
    return scene(directory, Repair(), config_files=["app.json"])


def kept(here):
    LastGood(here.keep).take(here.workload, time.time() - 1000.0, time.time())


def started_before(path):
    """As if the workload had been started after the file was written."""
    os.utime(path, (time.time() - 10_000.0,) * 2)


def test_a_change_after_a_start_that_was_well_is_put_back_and_kept_beside(tmp_path):
    config, here = tmp_path / "app.json", at(tmp_path)
    config.write_text('{"every": 1}')
    started_before(config)
    kept(here)
    config.write_text('{"every": ')
    planned = PutBackConfig().look(here)
    assert isinstance(planned, Planned)
    PutBackConfig().act(here, planned)
    assert config.read_text() == '{"every": 1}'
    assert (tmp_path / "app.json.changed").read_text() == '{"every": '
    PutBackConfig().take_back(here, planned.undo)
    assert config.read_text() == '{"every": '
    assert not (tmp_path / "app.json.changed").exists()


def test_a_file_that_was_removed_is_put_back(tmp_path):
    config, here = tmp_path / "app.json", at(tmp_path)
    config.write_text("{}")
    started_before(config)
    kept(here)
    config.unlink()
    planned = PutBackConfig().look(here)
    assert isinstance(planned, Planned)
    PutBackConfig().act(here, planned)
    assert config.read_text() == "{}"
    PutBackConfig().take_back(here, planned.undo)
    assert not config.exists()


def test_nothing_is_put_back_that_was_not_changed_or_never_seen_well(tmp_path):
    config, here = tmp_path / "app.json", at(tmp_path)
    config.write_text("{}")
    assert isinstance(PutBackConfig().look(here), Unfit)
    started_before(config)
    kept(here)
    assert isinstance(PutBackConfig().look(here), Unfit)


def test_a_change_while_it_runs_is_not_taken_as_good_and_is_no_suspect_after_a_while(tmp_path):
    config, here = tmp_path / "app.json", at(tmp_path)
    config.write_text("good")
    started_before(config)
    kept(here)
    config.write_text("changed while it runs")
    keeper, now_s = LastGood(here.keep), time.time()
    os.utime(config, (now_s + 10, now_s + 10))
    keeper.take(here.workload, now_s - 1000.0, now_s)
    assert list(LastGood(here.keep).changed(here.workload, now_s + 1.0)) == ["app.json"]
    assert LastGood(here.keep).changed(here.workload, now_s + LIVED_WITH_S + 1.0) == {}


def test_the_copies_can_be_read_by_their_owner_only(tmp_path):
    config, here = tmp_path / "app.json", at(tmp_path)
    config.write_text("secret")
    started_before(config)
    kept(here)
    folder = here.keep / "last-good"
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def ready_and_kept(house, tmp_path):
    house.until(lambda: list((tmp_path / "state").rglob("last-good.json")))


def test_a_workload_that_a_changed_config_breaks_at_its_start_runs_with_the_former(real_ward, tmp_path):
    config = tmp_path / "app.json"
    config.write_text(json.dumps({"every": 5}))
    house = real_ward(python(READS_ITS_CONFIG), config_files=["app.json"])
    house.wait_for(ProcessStarted)
    ready_and_kept(house, tmp_path)
    config.write_text(json.dumps({"evry": 5}))
    house.ask(RestartProcess(name="api"))
    resolved = house.wait_for(IssueResolved)
    assert resolved.by == "put_back_config"
    assert json.loads(config.read_text()) == {"every": 5}
    assert alive(pid_of(house))
    assert not [fact for fact in house.events(RemedyFailed) if fact.remedy == "put_back_config"]


def test_a_workload_that_takes_a_bad_config_while_it_runs_works_again(real_ward, tmp_path):
    config = tmp_path / "app.json"
    config.write_text(json.dumps({"every": 5}))
    work = Probe(exec_=["test", "-f", "answer"], every=Seconds(0.1), timeout=Seconds(1), failures=2)
    house = real_ward(python(READS_IT_AGAIN), config_files=["app.json"], probes=Probes(work=work))
    house.wait_for(ProcessStarted)
    ready_and_kept(house, tmp_path)
    config.write_text(json.dumps({"every": 0}))
    resolved = house.wait_for(IssueResolved)
    assert resolved.by == "put_back_config"
    assert json.loads(config.read_text()) == {"every": 5}
