"""The demo's directory: programs, their data, and a config with free ports. Touches the file system."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from string import Template
from typing import Final

from msgspec import Struct

HERE: Final = Path(__file__).parent
SERVICES: Final = ("web", "store", "worker", "render")
"""Workloads that listen on a port."""

INDEX: Final = "<!doctype html>\n<title>gyrostat demo</title>\n<p>Served by a program that is killed now and then.\n"


class Stage(Struct, frozen=True):
    """Where the demo plays. ports: by workload."""

    directory: Path
    ports: dict[str, int]

    @property
    def config(self) -> Path:
        """The node's config file."""
        return self.directory / "gyrostat.yaml"

    @property
    def state_dir(self) -> Path:
        """The node's state directory."""
        return self.directory / "var"

    def url(self, workload: str, path: str) -> str:
        """An address of a service."""
        return f"http://127.0.0.1:{self.ports[workload]}{path}"


def build(directory: Path) -> Stage:
    """Write everything into a directory that exists and is empty."""
    for name in ("programs", "site", "inbox", "outbox", "data"):
        (directory / name).mkdir()
    for program in sorted((HERE / "programs").glob("[!_]*.py")):
        shutil.copy(program, directory / "programs")
        shutil.copy(program, directory / "site" / f"{program.stem}.txt")
    (directory / "site" / "index.html").write_text(INDEX, encoding="utf-8")
    (directory / "data" / "store.json").write_text(json.dumps({"greeting": "hello"}), encoding="utf-8")
    feed = "".join(f"item-{number},{number * 7 % 100}\n" for number in range(200))
    (directory / "data" / "feed.csv").write_text(feed, encoding="utf-8")
    stage = Stage(directory, dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True)))
    template = Template((HERE / "template.yaml").read_text(encoding="utf-8"))
    text = template.substitute(
        python=json.dumps(sys.executable), **{name: str(port) for name, port in stage.ports.items()}
    )
    stage.config.write_text(text, encoding="utf-8")
    return stage


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody has at this moment, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
