import pytest

from actors.settings.repair import Module, Repair
from bus.errors import Refused
from bus.messages import HookEnded, InstallModule, ListProcesses, OverrideProcess

MODULES = Repair(
    modules={"acmelib": Module(install=["sh", "-c", "echo installed > made"]), "yaml": Module(package="PyYAML==6.0.3")}
)


@pytest.mark.parametrize(
    ("module", "undo", "why"),
    [
        ("other", [], "allows no module 'other' to be installed; it allows: acmelib, yaml"),
        ("yaml", [], "no Python is known that sleep runs"),
        ("yaml", ["--index=x"], "is no distribution"),
        ("yaml", ["PyYAML"], "no Python is known that sleep runs"),
    ],
)
def test_what_the_config_does_not_allow_is_not_installed(keep, workload, module, undo, why):
    house = keep(workload("web", ["sleep", "1000"], repair=MODULES))
    with pytest.raises(Refused, match=why):
        house.ask(InstallModule(name="web", module=module, undo=undo))
    assert not house.events(HookEnded)


def test_an_installation_is_run_in_the_workloads_directory_and_told(keep, workload, tmp_path):
    house = keep(workload("web", ["sleep", "1000"], repair=MODULES))
    assert house.ask(InstallModule(name="web", module="acmelib")).exit_code == 0
    assert (tmp_path / "made").read_text() == "installed\n"
    assert house.wait_for(HookEnded).hook == "install acmelib"


def test_a_value_that_the_config_does_not_allow_is_refused(keep, workload):
    house = keep(workload("web", ["sleep", "1000"]))
    with pytest.raises(Refused, match="nothing in its config allows variable PATH to be changed"):
        house.ask(OverrideProcess(name="web", values={"env.PATH": "/tmp"}))
    assert house.ask(ListProcesses()).processes[0].overrides == {}
