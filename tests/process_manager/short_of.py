"""A node that runs short of processes: short_of.py STATE_DIR NODE UID.

The kernel allows root as many processes as it likes: root gives itself up for UID once it is up. One workload `web`,
restarted without delay. When it is up, no more processes are allowed; it is killed, and the node has to tell that it
cannot start it now; then processes are allowed again. Says "up", "short REASON" and "back".
"""

import os
import resource
import signal
import sys
from pathlib import Path

from actors.process_manager.actor import ProcessManager
from actors.settings import RestartPolicy, Seconds, Workload, WorkloadSettings
from bus.messages import ListProcesses, ProcessReady, ProcessStartFailed, StartProcess, StopAll
from tests.harness import House

state_dir, node, uid = sys.argv[1:]


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


spec = WorkloadSettings(
    command=["sleep", "1000"],
    autostart=False,
    restart=RestartPolicy(stable_after=Seconds(0), backoff_first=Seconds(0.05), start_limit=1_000_000),
)
web = Workload(name="web", config_name="web", mode="live", spec=spec, cwd=Path("/"), env={})
house = House(Path(state_dir), node=node)
shell = house.start(ProcessManager, workloads={"web": web})
house.ask(ListProcesses(strays=True))
if os.geteuid() == 0:
    for path in (Path(state_dir), *Path(state_dir).rglob("*")):
        os.chown(path, int(uid), -1)
    os.setgroups([])
    os.setresuid(int(uid), int(uid), int(uid))
house.ask(StartProcess(name="web"))
first = house.wait_for(ProcessReady)
say("up")
_, hard = resource.getrlimit(resource.RLIMIT_NPROC)
resource.setrlimit(resource.RLIMIT_NPROC, (1, hard))
os.kill(first.pid, signal.SIGKILL)
failed = house.wait_for(ProcessStartFailed, lambda fact: fact.attempt >= 2)
say(f"short {failed.retryable} {failed.reason}")
resource.setrlimit(resource.RLIMIT_NPROC, (hard, hard))
house.wait_for(ProcessReady, lambda fact: fact.pid != first.pid)
say(f"back {shell.failures}")
house.ask(StopAll())
house.stop()
