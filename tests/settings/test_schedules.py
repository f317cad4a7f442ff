"""What can be said about times, and what is told of a slip."""

import pytest

from actors.settings import ConfigError, check_machine, load
from actors.settings.schedules import cron_fields

WORKLOAD = "workloads:\n  job:\n    command: [sleep, 1]\n"


@pytest.fixture
def faults(tmp_path):
    def found(text: str) -> list[str]:
        (tmp_path / "gyrostat.yaml").write_text(WORKLOAD + text)
        try:
            settings = load(tmp_path / "gyrostat.yaml", actor_types={}, resolve=None, environ={})
        except ConfigError as error:
            return [str(fault) for fault in error.faults]
        return [str(fault) for fault in check_machine(settings)]

    return found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("    schedule: {}\n", "gyrostat.yaml:4: workloads.job.schedule: exactly one of cron and every is needed"),
        (
            '    schedule:\n      cron: "61 * * * *"\n',
            'gyrostat.yaml:5: workloads.job.schedule.cron: "61 * * * *": bad minute; allowed: five fields',
        ),
        ('    schedule: {cron: "* * * *"}\n', 'workloads.job.schedule.cron: "* * * *" has not five fields'),
        ('    schedule: {cron: "0 0 31 2 *"}\n', 'workloads.job.schedule.cron: "0 0 31 2 *": bad day-of-month'),
        ("    schedule: {every: 10ms}\n", "workloads.job.schedule.every: has to be at least 1s"),
        ("    schedule: {every: 1h, timezone: UTC}\n", "workloads.job.schedule.timezone: goes with cron"),
        ("    schedule: {every: 1h, overlap: alow}\n", "workloads.job.schedule.overlap"),
        (
            '    schedule: {cron: "@daily", timezone: Europe/Brlin}\n',
            'workloads.job.schedule.timezone: no time zone "Europe/Brlin" on this machine',
        ),
        ("    windows: {run: [{lasts: 1h}]}\n", "workloads.job.windows.run[0].opens"),
        ('    windows: {run: [{opens: "@daily", lasts: 0s}]}\n', "lasts: has to be more than 0s"),
        ('    windows: {maintenance: [{opens: "@dayly", lasts: 1h}]}\n', '"@dayly" has not five fields'),
        (
            '    windows: {run: [{opens: "@daily", lasts: 1h, timezone: Nowhere}]}\n',
            'workloads.job.windows.run[0].timezone: no time zone "Nowhere"',
        ),
    ],
)
def test_a_slip_is_one_line_with_its_place_and_what_is_allowed(faults, text, said):
    found = faults(text)
    assert len(found) == 1, found
    assert said in found[0]


def test_a_schedule_makes_always_mean_on_failure_and_leaves_the_rest(tmp_path, faults):
    assert not faults('    schedule: {cron: "@daily"}\n    restart: {start_limit: 7}\n')
    spec = load(tmp_path / "gyrostat.yaml", actor_types={}, resolve=None, environ={}).declared["job"]
    assert (spec.restart.policy, spec.restart.start_limit) == ("on-failure", 7)
    assert not faults('    schedule: {cron: "@daily"}\n    restart: {policy: never}\n')
    spec = load(tmp_path / "gyrostat.yaml", actor_types={}, resolve=None, environ={}).declared["job"]
    assert spec.restart.policy == "never"


def test_shorthands_are_spelled_out():
    assert cron_fields("@Weekly ") == "0 0 * * 0"
    assert cron_fields(" 5 4 * * mon-fri") == "5 4 * * mon-fri"
