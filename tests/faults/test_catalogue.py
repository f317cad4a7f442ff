import pytest

from actors.faults.catalogue import FAULTS, chosen
from actors.faults.stand import PROGRAMS, Stand
from actors.healer.remedies import VERBS
from actors.healer.repair_kinds import REPAIRS
from actors.node import load_node

WANTED = (
    "crash", "crash_loop", "hang", "deadlock", "cpu_hog", "memory_leak", "fd_leak", "thread_leak", "zombies",
    "port_orphan", "port_stranger", "dependency_late", "dependency_flaps", "slow_service", "refused_then_up",
    "module_missing", "directory_missing", "permission", "encoding", "sqlite_locked", "sqlite_corrupt", "disk_full",
    "log_flood", "error_burst", "spike", "rate_limit", "certificate", "bad_reload", "two_at_once", "remedy_hangs",
)  # fmt: skip


def test_every_kind_of_fault_is_there_once():
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)
    assert set(WANTED) <= set(names)
    assert {fault.must for fault in FAULTS} == {"repair", "tell", "leave"}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_its_config_has_no_fault_and_names_whom_it_hurts(fault, tmp_path):
    stand = Stand(fault, tmp_path)
    stand.write_config()
    settings, _ = load_node(stand.stage.config, {})
    assert set(fault.subjects) < set(settings.workloads)
    for workload in settings.workloads.values():
        names = [word for word in workload.spec.command if (PROGRAMS / word).suffix in (".py", ".sh", ".js", ".pl")]
        assert all((tmp_path / name).exists() for name in names)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_remedies_that_it_expects_exist(fault):
    for name in (*fault.actions, *fault.all_of):
        assert name in REPAIRS or name.partition(":")[0] in VERBS


def test_faults_are_chosen_by_name_in_the_order_of_the_suite():
    assert [fault.name for fault in chosen(["spike", "crash"])] == ["crash", "spike"]
    assert chosen([]) == list(FAULTS)
    with pytest.raises(KeyError, match="krash"):
        chosen(["krash"])


def test_closing_a_stand_ends_what_its_helpers_left_in_its_directory(tmp_path):
    stand = Stand(FAULTS[0], tmp_path)
    helper = stand.helper("setsid", "-f", "sleep", "1000")
    helper.wait(10)
    (said,) = stand.close()
    assert said.endswith("was left and was killed")
    assert stand.close() == []
