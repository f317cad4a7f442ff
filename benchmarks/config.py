"""What a command pays for its config of 100 workloads, import included, beside `import yaml` and its safe_load.

    .venv/bin/python benchmarks/config.py [runs]

Each run is a process of its own; the two take turns, so that a busy machine burdens both.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OURS = """
from pathlib import Path
from actors.settings import load
assert len(load(Path("gyrostat.yaml"), actor_types={}, resolve=None, environ={}).workloads) == 100
"""
PLAIN = """
import yaml
assert len(yaml.load(open("gyrostat.yaml"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))["workloads"]) == 100
"""
TIMED = "import time\nbegan = time.perf_counter()\n{}\nprint((time.perf_counter() - began) * 1000)"
WORKLOAD = """
  web{number}:
    command: [sleep, "1000"]
    env: {{PORT: "{number}"}}
    restart: {{policy: always, backoff_first: 200ms, start_limit: 7}}
    stop: {{signal: INT, grace: 5s}}
    probes: {{readiness: {{tcp: "127.0.0.1:8000", every: 5s}}, liveness: {{http: "http://127.0.0.1:8000/"}}}}
    thresholds: {{memory: {{above: 200MB, for: 30s}}, cpu: {{above: 80}}}}
    log: {{max_size: 5MB, keep: 3}}
"""


def run_ms(script: str, folder: Path) -> float:
    """One process; milliseconds."""
    environ = {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(folder / "cache")}
    command = [sys.executable, "-c", TIMED.format(script)]
    return float(subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True).stdout)


def main() -> None:
    """Print medians and their ratio."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        entries = "".join(WORKLOAD.format(number=number) for number in range(100))
        (folder / "gyrostat.yaml").write_text(f"node: {{name: alpha}}\nworkloads:{entries}")
        pairs = [(run_ms(OURS, folder), run_ms(PLAIN, folder)) for _ in range(runs + 1)][1:]
    ours, plain = (statistics.median(column) for column in zip(*pairs, strict=True))
    sys.stdout.write(f"config of 100 workloads: {ours:.1f} ms; yaml alone {plain:.1f} ms; ratio {ours / plain:.2f}\n")


if __name__ == "__main__":
    main()
