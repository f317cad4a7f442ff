"""Our queue of tasks beside others, in one harness, and one table of it.

    .venv/bin/python benchmarks/tasks.py HARNESS [ADAPTER ...] [--scenario enqueue ...] [--kills N] [--sync FULL]
    .venv/bin/python benchmarks/tasks.py ../shared/bench/queue raw_sqlite gyrostat --scenario enqueue drain1 --rounds 3

HARNESS is the folder of qbench (qbench.py, adapters/). It is copied to a temporary folder, tasks_adapter.py is laid
beside the others as `gyrostat` and, on the server that QB_PG names, as `gyrostat_pg`, and the adapters take turns, so
that a noisy machine is noisy for all. Figures are the best of the rounds. --sync FULL: the durability class that
survives a power loss, for raw_sqlite and for us.
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
SCENARIOS = ("enqueue", "drain1", "drain4", "idle", "kill", "torture", "steps", "backlog")
LESS_IS_BETTER = ("lat_", "recover_", "idle_", "import_", "t_lost", "t_ran_twice", "st_twice")


def prepared(harness, work, kills):
    shutil.copytree(harness, work / "qbench")
    for name in ("gyrostat", "gyrostat_pg"):
        shutil.copy(Path(__file__).with_name("tasks_adapter.py"), work / "qbench" / "adapters" / f"{name}.py")
    script = work / "qbench" / "qbench.py"
    text = script.read_text()
    for before, after in (("kills=20,", f"kills={kills},"), ("now() - t0 < 120", f"now() - t0 < {20 + kills * 2}")):
        assert before in text, before
        text = text.replace(before, after)
    script.write_text(text)
    return script


def run(script, adapter, scenario, sync):
    work = script.parent.parent
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "QB_RUN": str(work / "run"),
        "QB_RES": str(work / "results"),
        "QB_SYNC": sync,
        "GYROSTAT_SYNC": sync,
    }
    subprocess.run([sys.executable, script, adapter, scenario], env=env, check=True, stdout=subprocess.DEVNULL)
    return json.loads((work / "results" / f"{adapter}.json").read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("harness", type=Path)
    parser.add_argument("adapters", nargs="*", default=["raw_sqlite", "gyrostat"])
    parser.add_argument("--scenario", nargs="+", default=SCENARIOS, choices=SCENARIOS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--sync", choices=("NORMAL", "FULL"), default="NORMAL")
    asked = parser.parse_args()
    best: dict[str, dict[str, float]] = {adapter: {} for adapter in asked.adapters}
    with tempfile.TemporaryDirectory(prefix="gyrostat-tasks-") as folder:
        script = prepared(asked.harness, Path(folder), asked.kills)
        for _ in range(asked.rounds):
            for scenario in asked.scenario:
                for adapter in asked.adapters:
                    for name, value in run(script, adapter, scenario, asked.sync).items():
                        if isinstance(value, int | float):
                            pick = min if name.startswith(LESS_IS_BETTER) else max
                            best[adapter][name] = pick(value, best[adapter].get(name, value))
    names = list(dict.fromkeys(name for found in best.values() for name in found))
    print("| " + " | ".join(["measure", *asked.adapters]) + " |\n|" + "---|" * (len(asked.adapters) + 1))
    for name in names:
        print("| " + " | ".join([name, *(str(found.get(name, "-")) for found in best.values())]) + " |")


if __name__ == "__main__":
    main()
