"""Starts a workload with the variables that it was last well with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from actors.healer.last_good import LastGood
from actors.healer.remedies import Obstacle, Planned, Unfit
from actors.healer.repair import Scene
from actors.healer.repairs.overriding import Overriding, override
from actors.kept import GoodVariables
from actors.settings import Workload

_KEY: Final = "env_last_good"


class PutBackEnv(Overriding):
    """Applies when `env_last_good` is set and its variables, in env or env_files, are others than they were."""

    name = "put_back_env"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """Which variables would be as before. Their values are not told."""
        if not scene.workload.spec.env_last_good:
            return Unfit("env_last_good is not set")
        good = LastGood(scene.keep).index.variables
        if good is None:
            return Unfit("it was not yet seen well")
        if _KEY in scene.row.overrides:
            return Unfit("it is started with those variables already")
        changed = changed_since(good, scene.workload)
        if not changed:
            return Unfit("its variables are as they were")
        return override(scene, f"start it with {', '.join(changed)} as it was when last well", {_KEY: "true"})


def changed_since(good: GoodVariables, workload: Workload) -> list[str]:
    """Names of variables and env files that are not as they were. Raises OSError."""
    env: Mapping[str, str] = workload.spec.env
    names = [name for name in {**good.env, **env} if good.env.get(name) != env.get(name)]
    for path in [workload.cwd / name.lstrip("-") for name in workload.spec.env_files]:
        now = path.read_text(errors="surrogateescape") if path.is_file() else None
        if now != good.files.get(str(path)):
            names.append(path.name)
    return names
