import subprocess

import pytest

from tests.gateway.conftest import ENVIRON, GYROSTAT


def faults(folder, gateway):
    (folder / "gyrostat.yaml").write_text(f"actors:\n  gateway:\n    {gateway}\nworkloads: {{}}\n")
    done = subprocess.run(
        [GYROSTAT, "config", "check"], cwd=folder, env=ENVIRON, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2, done.stdout
    return done.stderr.splitlines()[0].removeprefix("gyrostat: ")


@pytest.mark.parametrize(
    ("gateway", "told"),
    [
        ("port: 70000", 'gyrostat.yaml:3: actors.gateway.port: "70000" is not allowed; allowed: at most 65535'),
        (
            "host: 0.0.0.0",
            'gyrostat.yaml:3: actors.gateway.host: other machines reach "0.0.0.0", and there is no tls; allowed: ',
        ),
        ("auth: none", "gyrostat.yaml:3: actors.gateway.auth: "),
        ("prot: 1", "gyrostat.yaml:3: actors.gateway.prot: "),
        ("tls: {certificate: nix.pem, key: nix.key}", "gyrostat.yaml:3: actors.gateway.tls.certificate: no file "),
    ],
)
def test_a_slip_is_told_with_its_line_and_what_would_be_right(tmp_path, gateway, told):
    assert faults(tmp_path, gateway).startswith(told)
