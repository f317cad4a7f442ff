"""Runs the hooks of workloads, each in a thread, and tells how they ended."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from actors.process_manager.commands import Ran, run_command
from actors.process_manager.life import Life
from actors.process_manager.lookout import fail
from actors.process_manager.means import Means
from bus.errors import Refused
from bus.messages import HookEnded, HookResult, RunHook


def begin_hook(means: Means, life: Life, command: RunHook, defer: Callable[[], Any]) -> None:
    """Begin it; the request that defer gives is answered when it has ended.

    Raises: Refused.
    """
    hook = life.workload.spec.hooks.get(command.hook)
    if hook is None:
        known = ", ".join(life.workload.spec.hooks) or "none"
        raise Refused(f"{life.name} declares no hook {command.hook!r}; it has: {known}")
    argv = hook.undo if command.undo else hook.command
    if argv is None:
        raise Refused(f"hook {command.hook!r} of {life.name} declares no undo")
    name = f"{command.hook} (undo)" if command.undo else command.hook
    work = partial(run_command, argv, life.launch, hook.timeout)
    means.run(work, partial(_ended, means, defer(), life.name, name))


def _ended(means: Means, request: Any, name: str, hook: str, ran: Any) -> None:
    if not isinstance(ran, Ran):
        fail(request, ran)
    means.publish(HookEnded(subject=name, hook=hook, exit_code=ran.exit_code, took_s=ran.took_s, output=ran.output))
    request.answer(HookResult(exit_code=ran.exit_code, took_s=ran.took_s, output=ran.output))
