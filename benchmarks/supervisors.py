"""gyrostat beside other process supervisors, in one harness: crash to running, start and stop of many, idle cost.

    .venv/bin/python benchmarks/supervisors.py HARNESS [PEER ...] [--metric restart ...] [bench.py options]

HARNESS is the folder of the supervisor harness (bench.py, peer.py, adapters/, children/). It is copied to a temporary
folder, our adapter is laid beside the others, and each peer is run there one after the other; `floor-py`, a bare pidfd
loop, is what this machine allows in Python. Peers other than ours and the floors must be installed as its README says.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ADAPTER = '''
"""gyrostat, one node."""
import json
import re
from pathlib import Path

from peer import Peer

COMMAND = "@COMMAND@"


class Gyrostat(Peer):
    name = "gyrostat"
    about = {"default": "start_limit raised, stable_after 1s as supervisord's startsecs: the harness kills every 2 s"}

    def version(self):
        return "this checkout"

    def configure(self, svcs):
        self.svcs = svcs
        lines = [f"node: {{name: bench, state_dir: {self.work}/var}}", "workloads:"]
        for svc in svcs:
            restart = "{start_limit: 100000, stable_after: 1s}"
            lines.append(f"  {svc.name}: {{command: {json.dumps(svc.argv)}, restart: {restart}}}")
        (self.work / "gyrostat.yaml").write_text("\\\\n".join(lines))

    def start(self):
        self.launch([COMMAND, "up", "-c", str(self.work / "gyrostat.yaml")])

    def status_argv(self):
        return [COMMAND, "status", "-c", str(self.work / "gyrostat.yaml")]

    def running(self):
        return len(re.findall(r"^\\\\S+ +ready ", self.sh(self.status_argv()), re.M))

    def stop_argv(self):
        return [COMMAND, "stop", "-c", str(self.work / "gyrostat.yaml"), *[svc.name for svc in self.svcs]]

    def log_files(self, svc):
        return [Path(self.work) / "var" / "logs" / f"{svc.name}.log"]


PEER = Gyrostat
'''


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("harness", type=Path)
    parser.add_argument("peers", nargs="*", default=["floor-py", "gyrostat"])
    parser.add_argument("--metric", action="append")
    options, rest = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="gyrostat-bench-") as folder:
        here = Path(folder) / "supervisors"
        shutil.copytree(options.harness, here, copy_function=shutil.copyfile)
        adapter = ADAPTER.replace("@COMMAND@", str(ROOT / ".venv/bin/gyrostat")).replace("\\\\", "\\")
        (here / "adapters" / "gyrostat.py").write_text(adapter)
        subprocess.run([shutil.which("make") or "make", "-s", "-C", str(here / "children")], check=True)
        for peer in options.peers:
            argv = [sys.executable, "bench.py", "run", peer, *(options.metric or ["restart"]), *rest]
            subprocess.run(argv, cwd=here, check=False)


if __name__ == "__main__":
    main()
