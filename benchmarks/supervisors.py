"""gyrostat beside other process supervisors, in one harness, and one table of it.

    .venv/bin/python benchmarks/supervisors.py HARNESS [PEER ...] [--metric restart ...] [--n N] [bench.py options]
    SUPBENCH_PEERS=/opt/peers .venv/bin/python benchmarks/supervisors.py ../shared/bench/supervisors \
        floor-c floor-py runit s6 supervisord circus circus:fast pm2 gyrostat gyrostat:with500

HARNESS is the folder of the supervisor harness (bench.py, peer.py, adapters/, children/). It is copied to a temporary
folder, our adapter is laid beside the others, and each peer is run there one after the other. Peers other than ours and
the floors must be installed as its README says. Results go to --results, and what lies there already is in the table.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
METRICS = ("restart", "scale", "cli", "log")

ADAPTER = r'''
"""gyrostat, one node."""
import json
import re
from pathlib import Path

from peer import Peer

COMMAND = "@COMMAND@"


class Gyrostat(Peer):
    name = "gyrostat"
    variants = {"default": {"beside": 0}, "with500": {"beside": 500}}
    about = {
        "default": "start_limit raised, stable_after 1s as supervisord's startsecs: the harness kills every 2 s; "
        "monitoring every 10 s",
        "with500": "the same, with 500 more workloads running",
    }

    def version(self):
        return "this checkout"

    def configure(self, svcs):
        self.svcs = svcs
        lines = [f"node: {{name: bench, state_dir: {self.work}/var}}"]
        lines += ["actors: {monitor: {interval: 10s}}", "workloads:"]
        restart = "{start_limit: 100000, stable_after: 1s}"
        log = "{max_size: 10MB, keep: 20}"
        for svc in svcs:
            lines.append(f"  {svc.name}: {{command: {json.dumps(svc.argv)}, restart: {restart}, log: {log}}}")
        for number in range(self.cfg["beside"]):
            lines.append(f'  beside{number}: {{command: [sleep, "100000"]}}')
        (self.work / "gyrostat.yaml").write_text("\n".join(lines))

    def config(self):
        return ["-c", str(self.work / "gyrostat.yaml")]

    def start(self):
        self.launch([COMMAND, "up", "--quiet", *self.config()])

    def status_argv(self):
        return [COMMAND, "status", *self.config()]

    def running(self):
        return len(re.findall(r"^(?!beside)\S+ +(?:\S+ +)?ready ", self.sh(self.status_argv()), re.M))

    def stop_argv(self):
        return [COMMAND, "drain", *self.config()]

    def log_files(self, svc):
        log = Path(self.work) / "var" / "logs" / f"{svc.name}.log"
        older = [path for path in log.parent.glob(f"{log.name}.*") if path.suffix[1:].isdecimal()]
        return [*sorted(older, key=lambda path: -int(path.suffix[1:])), log]


PEER = Gyrostat
'''


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("harness", type=Path)
    parser.add_argument("peers", nargs="*", default=["floor-py", "gyrostat"])
    parser.add_argument("--metric", action="append", help=f"default: {' '.join(METRICS)}")
    parser.add_argument("--results", type=Path, default=Path("supervisor-results"))
    parser.add_argument("--gyrostat", default=str(ROOT / ".venv/bin/gyrostat"), help="the command to measure")
    options, rest = parser.parse_known_args()
    # As an installed package has it; without, each start would compile two hundred modules first.
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(ROOT / "actors"), str(ROOT / "bus")], check=True)
    results = options.results.absolute()
    results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gyrostat-bench-") as folder:
        here = Path(folder) / "supervisors"
        shutil.copytree(options.harness, here, copy_function=shutil.copyfile)
        (here / "adapters" / "gyrostat.py").write_text(ADAPTER.replace("@COMMAND@", options.gyrostat))
        subprocess.run([shutil.which("make") or "make", "-s", "-C", str(here / "children")], check=True)
        environ = {"SUPBENCH_PEERS": str(options.harness.absolute().parent), **os.environ}
        environ |= {"SUPBENCH_RESULTS": str(results), "SUPBENCH_WORK": str(Path(folder) / "work")}
        for peer in options.peers:
            metrics = ["restart"] if peer.endswith(":with500") else options.metric or METRICS
            argv = [sys.executable, "bench.py", "run", peer, *metrics, *rest]
            subprocess.run(argv, cwd=here, env=environ, check=False)
    sys.stdout.write(table(results))


def table(results):
    """Every peer there are results of, a measure in each row: medians, and p95 where it was taken."""
    found = {}
    for path in sorted(results.glob("*.json")):
        record = json.loads(path.read_text())
        variant = "" if record["variant"] == "default" else f":{record['variant']}"
        found.setdefault(record["peer"] + variant, {})[record["metric"]] = record["data"]
    peers = sorted(found, key=lambda name: (not name.startswith("gyrostat"), name.startswith("floor"), name))
    rows = [[label, *(cell(found[peer]) for peer in peers)] for label, cell in MEASURES]
    widths = [max(len(row[column]) for row in [["", *peers], *rows]) for column in range(len(peers) + 1)]
    lines = [" | ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)) for row in rows]
    head = " | ".join(word.ljust(width) for word, width in zip(["", *peers], widths, strict=True))
    return "\n".join([head, "-|-".join("-" * width for width in widths), *lines]) + "\n"


def spread(metric, key):
    def cell(data):
        one = data.get(metric, {}).get(key, {})
        return f"{one['median']:g} · {one['p95']:g}" if one.get("n") else "-"

    return cell


def scale(size, *keys, unit=""):
    def cell(data):
        one = data.get("scale", {}).get(str(size), {})
        values = [one.get(key, {}) for key in keys]
        numbers = [value.get("median") if isinstance(value, dict) else value for value in values]
        return " · ".join("-" if number is None else f"{number:g}{unit}" for number in numbers)

    return cell


def lines_kept(data):
    worst = data.get("log", {}).get("worst_of_runs")
    return "-" if worst is None else f"{worst['lost']} · {worst['torn']} · {worst['cut_by_rotation']}"


MEASURES = [
    ("SIGKILL -> running again, C child, ms, median · p95", spread("restart", "latency_ms")),
    ("1M lines of 100 bytes, child done, s", spread("log", "child_done_s")),
    ("  in the log, s", spread("log", "captured_s")),
    ("  lines lost · torn · cut by a rotation", lines_kept),
    ("status of 100, ms", spread("cli", "status_ms")),
    ("start of 500 -> all exec'd · all running, s", scale(500, "start_to_exec_s", "start_to_running_s")),
    ("stop of 500 -> all dead · command back, s", scale(500, "stop_to_dead_s", "stop_command_s")),
    ("idle with 500: CPU % · PSS MB", scale(500, "cpu_pct", "pss_mb")),
]


if __name__ == "__main__":
    main()
