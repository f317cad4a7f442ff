"""Where the node of this command is: its config, its state directory, and a client when it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.cli.exits import Failed, NotRunning

if TYPE_CHECKING:
    from bus.client import Client
    from bus.endpoints import Endpoints
    from bus.message import Command

SOURCE = "cli"
"""Who asks, for the node's audit; also how a stream tells what came from a person."""


class Place:
    """What -c leads to. given: the text after -c, or None. other: the peer after --node, or None for our own node."""

    def __init__(self) -> None:
        self.given: str | None = None
        self.other: str | None = None
        self.yes = False
        """Nothing is asked before something live is ended."""
        self.as_json = False
        """What became of each workload is told as JSON."""
        self._dirs: tuple[str, Path, Path] | None = None

    @property
    def config(self) -> Path:
        """The config file. Raises: ConfigError when there is none; Failed when the current directory is gone."""
        from actors.settings import find_config

        try:
            return find_config(os.environ, Path.cwd(), self.given)
        except FileNotFoundError:
            raise Failed("the current directory is gone; cd to one that is there") from None

    @property
    def name(self) -> str:
        """The node's. Raises: ConfigError as state_dir does."""
        return self._look()[0]

    @property
    def state_dir(self) -> Path:
        """Absolute. Raises: ConfigError when the file cannot be read, or its node section has a fault."""
        return self._look()[1]

    @property
    def run_dir(self) -> Path:
        """Absolute; the default one when the config names none."""
        return self._look()[2]

    def endpoints(self) -> Endpoints:
        """Where the running node answers. Raises: NotRunning; Failed when this account may not ask it."""
        from bus.endpoints import check_alive, read_endpoints
        from bus.errors import NotConnected

        found = None
        try:
            found = read_endpoints(self.run_dir)
            check_alive(found)
        except NotConnected:
            then = "it died; adopt what it left running" if found is not None else "start one"
            raise NotRunning(f"no node runs on {self.state_dir}; {then} with: {self.told('start')}") from None
        except PermissionError:
            raise Failed(f"the node on {self.state_dir} is of {_owner(self.run_dir)}; ask it as that account") from None
        return found

    def endpoints_file(self) -> Path:
        """The running node's endpoints.json, for who wants to follow the node over restarts. Raises: NotRunning."""
        from bus.endpoints import find_endpoints

        self.endpoints()
        return find_endpoints(self.run_dir)

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A client of the running node. Raises: NotRunning; Failed when it lives and does not answer."""
        from bus.client import connect
        from bus.endpoints import check_alive
        from bus.errors import NotConnected

        away = self.other not in (None, self.name)
        endpoints = self._peer() if away else self.endpoints()
        keys = self.state_dir / "keys" if endpoints.key and away else None
        try:
            with connect(endpoints, source=SOURCE, keys=keys) as client:
                yield client
        except NotConnected as error:
            try:
                check_alive(endpoints)
            except NotConnected:
                raise NotRunning(str(error)) from None
            raise Failed(str(error)) from None

    def ask(self, command: Command, timeout_s: float = 5.0) -> Any:
        """One question to the running node. Raises: NotRunning; CommandError."""
        with self.client() as client:
            return client.ask(command, timeout_s)

    def check_here(self) -> None:
        """See that a command about the node itself is not meant for another one. Raises: click.UsageError."""
        if self.as_json:
            import click

            msg = "--json goes with names of workloads; of the node itself the exit code tells how it went"
            raise click.UsageError(msg)
        if self.other not in (None, self.name):
            import click

            msg = "--node goes with names of workloads; a node itself is started and stopped on its own machine"
            raise click.UsageError(msg)

    def _peer(self) -> Endpoints:
        """Where the peer named by --node takes commands, as our config says. Raises: click.UsageError."""
        from actors.settings.load import peek_node
        from bus.endpoints import Endpoints

        peers = peek_node(self.config, os.environ).peers
        peer = peers.get(self.other or "")
        if peer is None or not peer.commands:
            import click

            known = ", ".join(name for name, each in peers.items() if each.commands) or "none"
            msg = f'no peer "{self.other}" that takes commands in node.peers; there are: {known}'
            raise click.UsageError(msg)
        return Endpoints(node=self.other or "", commands=(peer.commands,), key=peer.key or "")

    def told(self, command: str) -> str:
        """The command line that does `command` at the same place, to be shown to a person."""
        return f"gyrostat {command}" + (f" -c {self.given}" if self.given else "")

    def _look(self) -> tuple[str, Path, Path]:
        if self._dirs is None:
            from actors.settings import peek_state_dir

            self._dirs = peek_state_dir(self.config, os.environ)
        return self._dirs


def _owner(folder: Path) -> str:
    try:
        return folder.owner()
    except (OSError, KeyError):
        return "another account"
