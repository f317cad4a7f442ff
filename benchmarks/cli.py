"""What a person waits for each command of the command line, on a running node; and for a completion of the shell.

    .venv/bin/python benchmarks/cli.py [runs]

Each run is a process of its own, the commands take turns. Wall and processor time, medians in milliseconds; the last
line names those that took more than LIMIT_MS of processor time, and ends with code 1 when there are any: wall time
on a busy machine says how busy it is.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT_MS = 150.0
CONFIG = """\
node: {name: alpha}
actors: {gateway: {enabled: false}}
workloads:
  web: {command: [sleep, "100000"], tags: [api]}
  worker: {command: [sh, -c, "while true; do echo x; sleep 1; done"]}
tasks:
  noop: {command: ["true"]}
"""
COMMANDS = (
    *("--help", "status", "status --json", "health", "health --why", "metrics", "ps", "why web", "logs worker"),
    *("issues", "incidents", "approve", "changes", "phase", "fixes", "goals", "reconcile", "tasks", "tasks stats"),
    *("tasks add noop", "nodes", "endpoints", "schedule", "hold web", "release web", "signal web CONT"),
    *("config check", "config show", "config show --origins", "config explain restart.backoff_max", "config schema"),
    *("config diff", "doctor", "completion bash", "keys list", "schema --json", "demo --list", "faults --list"),
)
COMPLETIONS = ("st", "restart w", "issues ", "config explain workloads.")


def run_ms(folder: Path, words: str, **more: str) -> tuple[float, float]:
    """Wall and processor milliseconds of one process."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GYROSTAT_")} | more
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    argv = [str(Path(sys.executable).with_name("gyrostat")), *words.split()]
    subprocess.run(argv, cwd=folder, env=environ, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall * 1000, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def complete_ms(folder: Path, words: str) -> tuple[float, float]:
    """The same for a completion of the last word."""
    asked = {"COMP_WORDS": f"gyrostat {words}", "COMP_CWORD": str(len(words.split(" ")))}
    return run_ms(folder, "", _GYROSTAT_COMPLETE="bash_complete", **asked)


def main() -> int:
    """Print a line for each command; the exit code."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "gyrostat.yaml").write_text(CONFIG)
        run_ms(folder, "start")
        try:
            for words in COMMANDS:
                run_ms(folder, words)  # bytecode is written, files are in memory
            measured: dict[str, list[tuple[float, float]]] = {words: [] for words in COMMANDS}
            for _ in range(runs):
                for words in COMMANDS:
                    measured[words].append(run_ms(folder, words))
                for words in COMPLETIONS:
                    measured.setdefault(f"TAB after: {words}", []).append(complete_ms(folder, words))
        finally:
            run_ms(folder, "stop")
    slow = []
    for words, pairs in measured.items():
        wall, cpu = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{words:<40} {wall:7.0f} ms wall {cpu:7.0f} ms processor")
        if cpu > LIMIT_MS:
            slow.append(words)
    print(f"over {LIMIT_MS:.0f} ms of processor time: {', '.join(slow) or 'none'} of {len(measured)}")
    return bool(slow)


if __name__ == "__main__":
    sys.exit(main())
