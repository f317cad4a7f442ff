"""The Dockerfile is linted; an image is not built by the tests."""

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"


def test_hadolint_finds_nothing_in_it():
    done = subprocess.run(
        [Path(sys.executable).parent / "hadolint", "--no-color", DOCKERFILE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_everything_it_copies_is_in_the_checkout():
    copied = [shlex.split(line)[1:-1] for line in DOCKERFILE.read_text().splitlines() if line.startswith("COPY ")]
    assert [name for names in copied for name in names if not (ROOT / name).exists()] == []
