import click
import pytest

from actors.cli.chosen import chosen, groups
from actors.cli.restart_names import commands
from bus.messages import RestartProcess, RollWorkload
from tests.cli import samples


def row(name, workload="", instance=None, tags=(), mode="live"):
    return samples.process(name, workload=workload or name, instance=instance, tags=list(tags), mode=mode)


ROWS = [
    row("db", tags=["store"]),
    *(row(f"web-{number}", "web", number, ["api"]) for number in (1, 2, 3)),
    row("worker-1", "worker", 1, ["api", "jobs"]),
    row("mail-live", "mail"),
    row("mail-sandbox", "mail", mode="sandbox"),
    row("app-live-1", "app", 1),
    row("app-live-2", "app", 2),
    row("app-sandbox-1", "app", 1, mode="sandbox"),
]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (["db"], ["db"]),
        (["web"], ["web-1", "web-2", "web-3"]),
        (["web-2"], ["web-2"]),
        (["w*"], ["web-1", "web-2", "web-3", "worker-1"]),
        (["web-[12]"], ["web-1", "web-2"]),
        (["d?"], ["db"]),
        (["mai*"], ["mail-live", "mail-sandbox"]),
        (["mail"], ["mail-live", "mail-sandbox"]),
        (["app"], ["app-live-1", "app-live-2", "app-sandbox-1"]),
        (["app-live"], ["app-live-1", "app-live-2"]),
        (["*-sandbox*"], ["mail-sandbox", "app-sandbox-1"]),
        (["@api"], ["web-1", "web-2", "web-3", "worker-1"]),
        (["@jobs", "web-3", "@api"], ["worker-1", "web-3", "web-1", "web-2"]),
    ],
)
def test_a_person_means(said, meant):
    assert [one.name for one in chosen(said, ROWS)] == meant


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("wep", 'no workload "wep"; did you mean "web"?'),
        ("wep-*", 'no workload is like "wep-*"; did you mean'),
        ("@apo", 'no workload has the tag @apo; did you mean "@api"?'),
        ("web-4", 'no workload "web-4"; did you mean "web'),
        ("WEB", 'no workload "WEB"; there are: db'),
    ],
)
def test_what_means_nothing_is_answered_with_the_nearest(said, fault):
    with pytest.raises(click.UsageError) as found:
        chosen(["db", said], ROWS)
    assert found.value.message.startswith(fault)


def test_instances_are_a_group_when_all_of_them_are_meant_and_they_are_several():
    assert list(groups(chosen(["web"], ROWS), ROWS)) == [("web", "live")]
    assert groups(chosen(["web-1", "web-2"], ROWS), ROWS) == {}
    assert groups(chosen(["worker"], ROWS), ROWS) == {}
    assert list(groups(chosen(["app"], ROWS), ROWS)) == [("app", "live")]


def test_a_group_is_restarted_in_turn_and_the_rest_at_once():
    rows = chosen(["@api", "app-sandbox"], ROWS)
    asked = commands(rows, groups(rows, ROWS), 1)
    assert list(asked) == ["web", "worker-1", "app-sandbox-1"]
    roll = asked["web"]
    assert isinstance(roll, RollWorkload)
    assert (roll.name, roll.mode, roll.keep_ready) == ("web", "live", 1)
    assert isinstance(asked["worker-1"], RestartProcess)
