"""scale on a real node: it says of each instance what is so, and returns when it is."""

import subprocess

from tests.e2e.conftest import GYROSTAT, until

CONFIG = """
node: {name: alpha}
workloads:
  web:
    command: [sh, -c, "trap '' TERM; until [ -e go ]; do sleep 0.02; done"]
    instances: 2
    restart: {policy: never}
    stop: {steps: [TERM 30s]}
"""


def test_those_that_go_are_scaled_away_until_they_are_down_and_then_it_is_said(site):
    site.write(CONFIG)
    assert site.call("start")[0] == 0
    until(lambda: all(row["state"] == "ready" for row in site.rows().values()), "both are ready")
    pids = {name: row["pid"] for name, row in site.rows().items()}
    with subprocess.Popen(
        [GYROSTAT, "scale", "web", "1"], cwd=site.directory, env=site.environ, stdout=subprocess.PIPE, text=True
    ) as scaling:
        until(lambda: site.rows()["web-2"]["state"] == "stopping", "the second is asked to end")
        assert scaling.poll() is None
        row = site.rows()["web-2"]
        assert (row["declared"], row["scaled_away"], row["pid"]) == (False, True, pids["web-2"])
        assert "  it is scaled away\n" in site.call("why", "web-2")[1]
        (site.directory / "go").touch()
        assert scaling.communicate(timeout=60)[0] == "web: removed web-2\n"
    assert scaling.returncode == 0
    assert list(site.rows()) == ["web-1"]
    assert site.call("scale", "web", "0")[:2] == (0, "web: removed web-1\n")
    code, _, err = site.call("why", "web")
    assert code == 2
    assert "web has no instances now" in err
    (site.directory / "go").unlink()
    assert site.call("scale", "web", "--reset")[:2] == (0, "web: added web-1, web-2\n")
    (site.directory / "go").touch()
    assert site.call("stop")[0] == 0
