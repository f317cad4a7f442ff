import msgspec
import pytest

from actors.kept import GoodVariables
from actors.process_manager.overrides import Overrides, Stored, refused
from actors.settings import Limits, Seconds, StopPolicy, Threshold, Workload, WorkloadSettings
from actors.settings.repair import Repair, Tunable
from actors.settings.units import Bytes


class Kept:
    """A store in memory."""

    def __init__(self):
        self.rows: dict[str, Stored] = {}

    def overrides(self):
        return dict(self.rows)

    def put_override(self, name, stored):
        if stored is None:
            self.rows.pop(name, None)
        else:
            self.rows[name] = stored


def workload(tmp_path, **spec):
    settings = WorkloadSettings(command=["sleep", "1000"], **spec)
    env = {**settings.env, "GYROSTAT_MODE": "live"}
    return Workload(name="api", config_name="api", mode="live", spec=settings, cwd=tmp_path, env=env)


ALLOWED = {
    "tunables": {
        "workers": Tunable(type="int", min=1, max=8, env="WORKERS"),
        "timeout": Tunable(min=0.5, max=5.0, env="TIMEOUT"),
    },
    "repair": Repair(open_files_max=256, memory_max=Bytes(1_000_000_000)),
    "env_last_good": True,
}


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("env.WORKERS", "4", ""),
        ("env.WORKERS", "4.5", "no int"),
        ("env.WORKERS", "9", "not within"),
        ("env.WORKERS", "many", "no int"),
        ("env.TIMEOUT", "4.5", ""),
        ("env.TIMEOUT", "nan", "no float"),
        ("env.TIMEOUT", "inf", "no float"),
        ("env.PYTHONUTF8", "1", ""),
        ("env.PYTHONUTF8", "0", "only become 1"),
        ("env.LD_PRELOAD", "/tmp/x.so", "nothing in its config allows"),
        ("env.PATH", "/tmp", "nothing in its config allows"),
        ("limits.rlimits.nofile", "256", ""),
        ("limits.rlimits.nofile", "257", "more than repair.open_files_max"),
        ("limits.rlimits.nofile", "unlimited", "no number"),
        ("limits.rlimits.as", "1000000000", ""),
        ("limits.rlimits.core", "1", "nothing allows"),
        ("limits.memory_max", "1000000001", "more than repair.memory_max"),
        ("limits.memory_max", "-1", "no number"),
        ("command", "sh", "nothing allows"),
        ("env_last_good", "true", ""),
    ],
)
def test_only_what_the_config_allows_is_overridden(tmp_path, key, value, why):
    found = refused(workload(tmp_path, **ALLOWED).spec, key, value)
    assert (why in found) if why else (found == "")


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("env.WORKERS", "4", "nothing in its config allows"),
        ("env.PYTHONUTF8", "1", "repair.encoding: false"),
        ("limits.rlimits.nofile", "4", "repair.open_files_max is not set"),
        ("limits.memory_max", "4", "repair.memory_max is not set"),
        ("env_last_good", "true", "env_last_good is not set"),
    ],
)
def test_a_config_that_says_nothing_allows_nothing(tmp_path, key, value, why):
    assert why in refused(workload(tmp_path, repair=Repair(encoding=False)).spec, key, value)


def test_values_hold_are_shown_survive_and_are_dropped(tmp_path):
    kept, api = Kept(), workload(tmp_path, env={"WORKERS": "8"}, limits=Limits(rlimits={"core": "0"}), **ALLOWED)
    overrides = Overrides(kept, lambda _: None)
    assert overrides.applied(api) == (api, None)
    overrides.change(api, {"env.WORKERS": "4", "limits.rlimits.nofile": "99", "limits.memory_max": "5000000"}, [], "w")
    again = Overrides(kept, lambda _: None)
    started, files = again.applied(api)
    assert (started.env, files) == ({"WORKERS": "4", "GYROSTAT_MODE": "live"}, None)
    assert started.spec.limits == Limits(rlimits={"core": "0", "nofile": "99"}, memory_max=Bytes(5_000_000))
    assert again.shown("api") == {
        "env.WORKERS": "4",
        "limits.rlimits.nofile": "99",
        "limits.memory_max": "5000000",
    }
    again.change(api, {}, ["limits.rlimits.nofile", "limits.memory_max"], "undone")
    assert again.shown("api") == {"env.WORKERS": "4"}
    again.change(api, {}, ["env.WORKERS"], "undone")
    assert (kept.rows, again.shown("api")) == ({}, {})


def test_what_is_refused_changes_nothing(tmp_path):
    kept, api = Kept(), workload(tmp_path, **ALLOWED)
    with pytest.raises(ValueError, match=r"api: .* not within"):
        Overrides(kept, lambda _: None).change(api, {"env.TIMEOUT": "1", "env.WORKERS": "99"}, [], "w")
    assert kept.rows == {}


def test_the_last_good_variables_take_the_place_of_all_and_are_not_told(tmp_path):
    kept, api = Kept(), workload(tmp_path, env={"A": "bad", "NEW": "1"}, **ALLOWED)
    good = GoodVariables({"A": "good", "OLD": "1"}, {"/etc/env": "B=secret\n"})
    overrides = Overrides(kept, lambda _: good)
    overrides.change(api, {"env_last_good": "true", "env.WORKERS": "2"}, [], "w")
    started, files = overrides.applied(api)
    assert started.env == {"A": "good", "OLD": "1", "GYROSTAT_MODE": "live", "WORKERS": "2"}
    assert files == {"/etc/env": "B=secret\n"}
    assert overrides.shown("api") == {"env_last_good": "true", "env.WORKERS": "2"}
    with pytest.raises(ValueError, match="no variables are kept"):
        Overrides(kept, lambda _: None).change(api, {"env_last_good": "true"}, [], "w")


@pytest.mark.parametrize(
    ("change", "ends"),
    [
        ({"env": {"WORKERS": "6"}}, True),
        ({"command": ["sleep", "2"]}, True),
        ({"repair": Repair()}, True),
        ({"tunables": {}}, True),
        ({"thresholds": {"memory": Threshold(above=1.0)}}, False),
        ({"stop": StopPolicy(grace=Seconds(1))}, False),
    ],
)
def test_a_change_of_what_they_hold_for_ends_them(tmp_path, change, ends):
    kept, api = Kept(), workload(tmp_path, **ALLOWED)
    overrides = Overrides(kept, lambda _: None)
    overrides.change(api, {"env.WORKERS": "4"}, [], "w")
    changed = msgspec.structs.replace(api, spec=msgspec.structs.replace(api.spec, **change))
    assert overrides.renew({"api": api}) == []
    assert overrides.renew({"api": changed}) == (["api"] if ends else [])
    assert bool(kept.rows) is not ends
    assert Overrides(kept, lambda _: None).renew({}) == ([] if ends else ["api"])
