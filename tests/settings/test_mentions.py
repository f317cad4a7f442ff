"""What settings of actors say of workloads and programs."""

import pytest
from msgspec import Struct

from actors.settings import ConfigError
from actors.settings.checks import check_machine


class Shed(Struct, frozen=True, kw_only=True):
    first: list[str] = []
    program: list[str] = []

    def workloads_named(self):
        return {"first": self.first}

    def programs_named(self):
        return {"program": self.program}


class Plain(Struct, frozen=True, kw_only=True):
    first: list[str] = []


TYPES = {"shed": Shed, "plain": Plain}
TEXT = """
node: {{name: alpha}}
workloads:
  db: {{command: [sh], critical: true}}
  batch: {{command: [sh]}}
  broken: {{comand: [sh]}}
actors:
  {actor}:
    first: {named}
"""


CRITICAL = (
    'gyrostat.yaml:9: actors.shed.first[2]: "db" is critical, and is not to be stopped; '
    "allowed: a workload that is not critical"
)


def faults(read, text):
    with pytest.raises(ConfigError) as caught:
        read(text, actor_types=TYPES)
    return [str(fault) for fault in caught.value.faults if ": workloads.broken" not in str(fault)]


def test_a_workload_that_is_not_there_or_is_critical_is_a_fault_with_its_line(read):
    assert faults(read, TEXT.format(actor="shed", named="[batch, bacth, db, zzz]")) == [
        'gyrostat.yaml:9: actors.shed.first[1]: no workload "bacth"; did you mean "batch"?',
        CRITICAL,
        'gyrostat.yaml:9: actors.shed.first[3]: no workload "zzz"; allowed: batch, broken, db',
    ]


def test_one_whose_own_settings_have_a_fault_is_there_all_the_same(read):
    assert faults(read, TEXT.format(actor="shed", named="[broken]")) == []


def test_settings_that_name_nothing_are_not_asked(read):
    assert faults(read, TEXT.format(actor="plain", named="[zzz]")) == []


def test_without_workloads_there_is_none_to_name(read):
    text = "node: {name: alpha}\nactors: {shed: {first: [a]}}\n"
    assert faults(read, text) == [
        'gyrostat.yaml:2: actors.shed.first[0]: no workload "a"; allowed: none, as there is none'
    ]


def test_a_program_that_is_not_there_is_found_from_the_directory_of_the_file(read, tmp_path):
    (tmp_path / "page").write_text("#!/bin/sh\n")
    (tmp_path / "page").chmod(0o755)
    settings = read("node: {name: alpha}\nactors: {shed: {program: [./page, now]}}\n", actor_types=TYPES)
    assert check_machine(settings) == []
    missing = read("node: {name: alpha}\nactors:\n  shed: {program: [./gone]}\n", actor_types=TYPES)
    (fault,) = check_machine(missing)
    assert str(fault) == (
        f'gyrostat.yaml:3: actors.shed.program: no program "./gone" in {tmp_path}; allowed: a program that can be run'
    )
