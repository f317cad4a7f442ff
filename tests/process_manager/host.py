"""A node as small as it can be, to be killed: host.py STATE_DIR NODE CWD SCRIPT [POINT].

Runs a ProcessManager with one workload `web`, the shell script, restarted without delay. Says "up" when it is there. At
POINT of the second spawn it kills itself with SIGKILL: before the fork, between fork and pid row, or after the pid row.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from actors.process_manager import launching
from actors.process_manager.actor import ProcessManager
from actors.process_manager.store import Store
from actors.settings import RestartPolicy, Seconds, Workload, WorkloadSettings
from tests.harness import House

state_dir, node, cwd, script, *point = sys.argv[1:]


def die():
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()


spawn, spawned = launching.spawn, Store.spawned  # type: ignore[attr-defined]
spawns: list[int] = []


def spawn_or_die(*args):
    spawns.append(1)
    if len(spawns) == 2 and point == ["before the fork"]:
        die()
    result = spawn(*args)
    if len(spawns) == 2 and point == ["between fork and pid row"]:
        die()
    if len(spawns) == 2 and point == ["in the middle of a spawn"]:
        die()
    if len(spawns) == 5 and point == ["among many"]:
        die()
    return result


def spawned_or_die(*args):
    spawned(*args)
    if len(spawns) == 2 and point == ["after the pid row"]:
        die()


if point == ["in the middle of a spawn"]:
    # SIGKILL from a process of its own comes while this one waits for the child's exec.
    import subprocess

    real = subprocess.Popen

    def popen(*args, **options):
        if len(spawns) == 2:
            killer = os.fork()
            if killer == 0:
                os.kill(os.getppid(), signal.SIGKILL)
                os._exit(0)
        return real(*args, **options)

    subprocess.Popen = popen  # type: ignore[misc,assignment]

launching.spawn = spawn_or_die  # type: ignore[attr-defined]
Store.spawned = spawned_or_die  # type: ignore[method-assign]
spec = WorkloadSettings(
    command=["sh", "-c", script], restart=RestartPolicy(stable_after=Seconds(0), start_limit=1_000_000)
)
names = [f"w{number}" for number in range(10)] if point == ["among many"] else ["web"]
workloads = {
    name: Workload(name=name, config_name=name, mode="live", spec=spec, cwd=Path(cwd), env={}) for name in names
}
house = House(Path(state_dir), node=node)
house.start(ProcessManager, workloads=workloads)
sys.stdout.write("up\n")
sys.stdout.flush()
signal.pause()
