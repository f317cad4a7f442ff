"""Starts a workload with UTF-8 as its encoding when it fails over another."""

from __future__ import annotations

import re
from typing import Final

from actors.healer.remedies import Obstacle, Planned, Unfit
from actors.healer.repair import Scene
from actors.healer.repairs.overriding import Overriding, override
from actors.settings.repair import UTF8_VARIABLES

_FAILS: Final = re.compile(
    r"Unicode(?:De|En)codeError|codec can't (?:de|en)code|ordinal not in range|invalid byte sequence in US-ASCII"
    r"|Encoding::(?:Undefined|InvalidByte)|UnmappableCharacterException|MalformedInputException"
)
_OF_UTF8: Final = re.compile(r"['\"](?:utf-?8|utf_8)['\"] codec can't|invalid byte sequence in UTF-8", re.IGNORECASE)


class UseUtf8(Overriding):
    """Applies when the failure is about an encoding that is not UTF-8, unless `repair.encoding: false`."""

    name = "use_utf8"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """What it would set."""
        if not scene.workload.spec.repair.encoding:
            return Unfit("repair.encoding is false")
        if not _FAILS.search(scene.text):
            return Unfit("the failure is not about an encoding")
        if _OF_UTF8.search(scene.text):
            return Unfit("it reads UTF-8 already, and its input is none")
        env = {**scene.workload.env, **{key.removeprefix("env."): text for key, text in scene.row.overrides.items()}}
        values = {f"env.{name}": text for name, text in UTF8_VARIABLES.items() if env.get(name) != text}
        if "env.PYTHONUTF8" not in values:
            return Unfit("it is started with UTF-8 already")
        said = " ".join(f"{name}={text}" for name, text in UTF8_VARIABLES.items())
        return override(scene, f"start it with {said}", values)
