from enum import Enum
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from actors.settings import Bytes, Seconds, Share, to_plain
from tests.settings.conftest import MailSettings, PaceSettings
from tests.settings.test_load import EVERYTHING

RICH = """\
    node: {name: alpha}
    workloads:
      web:
        command: [python3, -m, http.server, "8000"]
        env: {LEVEL: "1_000"}
        restart: {backoff_first: 0.0123456789, success_codes: [0, 3]}
        thresholds:
          memory: {above: 80%, clear: 70.5%}
          latency: {above: 250ms, severity: critical}
          fds: {below: 10}
          threads: {above: 1e3}
        hooks: {fix: {command: [a, b]}}
        heal: {memory: [restart, "hook:fix"]}
        modes: {sandbox: {env: {A: b}, cwd: box}}
        probes: {work: {exec: "a b"}}
        log: {max_size: 123456789}
    actors: {pace: {every: 90s, enabled: false}}
    """


def test_what_is_shown_reads_back_as_the_same_settings(read):
    for text in (EVERYTHING, RICH):
        settings = read(text, actor_types={"pace": PaceSettings})
        shown = yaml.safe_dump(to_plain(settings), sort_keys=False)
        again = read(shown, actor_types={"pace": PaceSettings})
        assert again.revision == settings.revision
        assert again.declared == settings.declared


def test_values_are_shown_as_people_write_them(read):
    plain: Any = to_plain(read(EVERYTHING))
    web = plain["workloads"]["web"]
    assert web["thresholds"]["memory"] == {"above": "200MB", "for": "30s", "severity": "warning"}
    assert web["thresholds"]["cpu"]["above"] == "80%"
    assert web["log"] == {"max_size": "10MB", "keep": 5, "rotate_every": None, "compress": False}
    assert web["probes"]["liveness"]["exec"] is None
    assert web["restart"]["start_limit_window"] == "1m"


def test_secrets_are_not_shown(read):
    text = "workloads: {a: {command: x, env: {DB_PASSWORD: p, ApiToken: t, LEVEL: info, KEYS: k, NO_SECRET: ''}, "
    text += "modes: {live: {env: {MY_SECRET: s}}}}}\nactors: {mail: {server: smtp, token: abc}}"
    plain: Any = to_plain(read(text, actor_types={"mail": MailSettings}))
    shown = plain["workloads"]["a"]
    assert shown["env"] == {"DB_PASSWORD": "***", "ApiToken": "***", "LEVEL": "info", "KEYS": "***", "NO_SECRET": ""}
    assert shown["modes"]["live"]["env"] == {"MY_SECRET": "***"}
    assert plain["actors"]["mail"] == {"enabled": True, "server": "smtp", "token": "***"}


class Colour(Enum):
    RED = "red"


class Sundry(Struct, frozen=True):
    colour: Colour = Colour.RED
    folder: Path = Path("a/b")
    names: frozenset[str] = frozenset({"b", "a"})
    part: Share = Share(0.5)
    room: Bytes = Bytes(1_234_567)
    pair: tuple[int, ...] = (1, 2)
    odd: Seconds = Seconds(1 / 3)


def test_every_kind_of_value_of_an_actor_is_plain(read):
    settings = read("actors: {s: {use: 'a:B'}}", resolve=lambda _name, _use: Sundry)
    assert to_plain(settings)["actors"] == {
        "s": {
            "use": "a:B",
            "enabled": True,
            "colour": "red",
            "folder": "a/b",
            "names": ["a", "b"],
            "part": 0.5,
            "room": 1_234_567,
            "pair": [1, 2],
            "odd": 1 / 3,
        }
    }
    assert len(settings.revision) == 12
