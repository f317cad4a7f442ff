from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from msgspec import Struct

from actors.settings import ConfigError, Seconds, Settings, load


class PaceSettings(Struct, frozen=True, kw_only=True):
    every: Seconds = Seconds(5)
    depth: int = 3


class MailSettings(Struct, frozen=True, kw_only=True):
    server: str
    token: str = ""


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Loads a text as gyrostat.yaml of the current directory."""
    monkeypatch.chdir(tmp_path)

    def read_text(
        text: str,
        *,
        actor_types: Mapping[str, type[Struct]] | None = None,
        resolve: Callable[[str, str], type[Struct]] | None = None,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> Settings:
        Path("gyrostat.yaml").write_text(dedent(text), "utf-8")
        return load(
            Path("gyrostat.yaml"),
            actor_types=actor_types or {},
            resolve=resolve,
            environ=environ or {},
            overrides=overrides or {},
        )

    return read_text


@pytest.fixture
def faults(read: Callable[..., Settings]) -> Callable[..., list[str]]:
    """The lines an operator sees for a text; none when it is in order."""

    def faults_of(text: str, **given: object) -> list[str]:
        try:
            read(text, **given)
        except ConfigError as error:
            return str(error).splitlines()
        return []

    return faults_of
