"""Other numbers of instances than the config says, for now. Pure."""

from collections.abc import Mapping

from msgspec import Struct, structs

from actors.settings.workloads import WorkloadSettings


class Scale(Struct, frozen=True):
    """So many instances, in the place of what the config said then."""

    instances: int
    said: int


def scaled(declared: Mapping[str, WorkloadSettings], scales: Mapping[str, Scale]) -> dict[str, WorkloadSettings]:
    """The workloads with their numbers of instances for now.

    A scale counts while the config says what it said when it was made, and while there are ports for so many.
    """
    found = dict(declared)
    for name, scale in scales.items():
        spec = found.get(name)
        if spec is not None and spec.instances == scale.said:
            try:
                found[name] = structs.replace(spec, instances=scale.instances)
            except ValueError:
                continue
    return found


def new_scale(declared: Mapping[str, WorkloadSettings], name: str, instances: int) -> Scale:
    """The scale of a workload that a person asks for.

    Raises: ValueError that says what is in the way; KeyError when there is no such workload.
    """
    spec = declared[name]
    if spec.instances is None:
        raise ValueError(f"{name} has no instances; say instances: 1 in the config to have them")
    structs.replace(spec, instances=instances)
    return Scale(instances, spec.instances)
