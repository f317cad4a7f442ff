"""What the settings of an actor say of other parts of the configuration: workloads by name, programs. Pure.

An actor whose settings name such a thing says so by a method of its settings type.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from actors.settings.faults import At, Fault, suggest
from actors.settings.node import ActorSettings
from actors.settings.workloads import WorkloadSettings


@runtime_checkable
class NamesWorkloads(Protocol):
    """Settings that name workloads."""

    def workloads_named(self) -> Mapping[str, Sequence[str]]:
        """Key beneath the actor -> workloads that may be stopped because of what is said there."""


@runtime_checkable
class NamesPrograms(Protocol):
    """Settings that name programs, run in the directory of the config file."""

    def programs_named(self) -> Mapping[str, Sequence[str]]:
        """Key beneath the actor -> program and arguments."""


def mention_faults(
    actors: Mapping[str, ActorSettings], workloads: Mapping[str, WorkloadSettings], names: Collection[str], at: At
) -> Iterator[Fault]:
    """Give workloads that are named and are not there, or are critical.

    workloads: those that could be read. names: of all that were written.
    """
    for actor, one in actors.items():
        if not isinstance(one.settings, NamesWorkloads):
            continue
        for key, named in one.settings.workloads_named().items():
            for number, name in enumerate(named):
                path = f"actors.{actor}.{key}[{number}]"
                if name not in names:
                    yield at(path, f'no workload "{name}"', suggest(name, sorted(names)) or "none, as there is none")
                elif name in workloads and workloads[name].critical:
                    yield at(path, f'"{name}" is critical, and is not to be stopped', "a workload that is not critical")


def programs_of(actors: Mapping[str, ActorSettings]) -> Iterator[tuple[str, Sequence[str]]]:
    """Give every program that settings of actors name, with its dotted key."""
    for actor, one in actors.items():
        if isinstance(one.settings, NamesPrograms):
            for key, program in one.settings.programs_named().items():
                yield f"actors.{actor}.{key}", program
