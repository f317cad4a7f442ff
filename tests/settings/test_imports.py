import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_of_the_bus_or_the_actors_is_loaded_with_the_settings():
    """The CLI loads the configuration at each command."""
    command = [sys.executable, "-c", "import sys, actors.settings; print(*sys.modules)"]
    run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    loaded = set(run.stdout.split())
    assert not loaded & {"bus", "pykka", "zmq", "yaml", "click", "hashlib", "difflib", "shutil", "socket"}
