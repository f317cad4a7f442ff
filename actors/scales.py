"""Numbers of instances that a person asked for, kept in `<state_dir>/scales.json`. I/O."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Final

import msgspec

from actors.settings import Fault, Settings
from actors.settings.modes import resolve
from actors.settings.scale import Scale, new_scale, scaled
from bus.errors import Refused

FILE_NAME: Final = "scales.json"


def read_scales(state_dir: Path) -> dict[str, Scale]:
    """What is kept; nothing when there is no such file, or it cannot be read."""
    try:
        return msgspec.json.decode((state_dir / FILE_NAME).read_bytes(), type=dict[str, Scale])
    except (OSError, msgspec.MsgspecError):
        return {}


def rescale(settings: Settings, name: str, instances: int | None) -> Settings:
    """The settings with another number of instances, which is kept; None: as many as the config says.

    Nothing is read from the config: what it says since the node read it is not taken over.

    Raises: Refused.
    """
    if name not in settings.declared:
        near = difflib.get_close_matches(name, settings.declared, 1, 0.0)
        raise Refused(f"no workload {name!r} in the config" + (f"; did you mean {near[0]!r}?" if near else ""))
    scales = read_scales(settings.state_dir)
    try:
        scale = None if instances is None else new_scale(settings.declared, name, instances)
    except ValueError as error:
        raise Refused(str(error)) from None
    if scale is None or scale.instances == scale.said:
        scales.pop(name, None)
    else:
        scales[name] = scale
    scales = {each: one for each, one in scales.items() if each in settings.declared}

    def at(key: str, problem: str, allowed: str) -> Fault:
        return Fault(str(settings.path), 0, key, problem, allowed)

    resolved = resolve(scaled(settings.declared, scales), settings.mode, settings.root, at)
    if resolved.faults:
        raise Refused(str(resolved.faults[0]))
    _write(settings.state_dir / FILE_NAME, scales)
    return msgspec.structs.replace(settings, workloads=resolved.workloads)


def _write(path: Path, scales: dict[str, Scale]) -> None:
    """Raises: Refused."""
    fresh = path.with_suffix(".new")
    try:
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(scales))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise Refused(f"cannot keep it in {path}: {error.strerror}") from None
