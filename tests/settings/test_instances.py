from pathlib import Path

import pytest

from actors.settings import revision
from actors.settings.instances import PortRange, port_range, socket_address
from actors.settings.load import load
from actors.settings.scale import Scale, new_scale, scaled

WEB = """\
    workloads:
      db: {command: x}
      web:
        command: "serve --port ${GYROSTAT_PORT} --log /tmp/${GYROSTAT_INSTANCE}.log ${OTHER}"
        instances: 3
        ports: 8000-8009
        tags: [api, front]
        env: {ADDRESS: "127.0.0.1:${GYROSTAT_PORT}"}
        depends_on: {db: started}
        probes:
          readiness: {http: "http://127.0.0.1:${GYROSTAT_PORT}/ready"}
          liveness: {tcp: "127.0.0.1:${GYROSTAT_PORT}"}
          work: {exec: [check, "${GYROSTAT_INSTANCE}"]}
      proxy: {command: x, depends_on: [web]}
    """


def test_a_workload_without_instances_keeps_its_name(read):
    one = read("workloads: {web: {command: x}}").workloads["web"]
    assert (one.name, one.config_name, one.instance, one.port) == ("web", "web", None, None)
    assert "GYROSTAT_INSTANCE" not in one.env


def test_each_instance_has_its_name_number_and_port(read):
    workloads = read(WEB).workloads
    assert list(workloads) == ["db", "web-1", "web-2", "web-3", "proxy"]
    second = workloads["web-2"]
    assert (second.config_name, second.instance, second.port, second.group) == ("web", 2, 8001, ("web", "live"))
    assert second.env["GYROSTAT_INSTANCE"] == "2"
    assert second.env["PORT"] == second.env["GYROSTAT_PORT"] == "8001"
    assert second.env["ADDRESS"] == "127.0.0.1:8001"


def test_what_only_an_instance_knows_is_filled_in_and_nothing_else(read):
    spec = read(WEB).workloads["web-3"].spec
    assert spec.command == ["serve", "--port", "8002", "--log", "/tmp/3.log", "${OTHER}"]
    assert spec.probes.readiness is not None
    assert spec.probes.liveness is not None
    assert spec.probes.work is not None
    assert spec.probes.readiness.http == "http://127.0.0.1:8002/ready"
    assert spec.probes.liveness.tcp == "127.0.0.1:8002"
    assert spec.probes.work.exec_ == ["check", "3"]


def test_who_depends_on_instances_depends_on_all_of_them(read):
    workloads = read(WEB).workloads
    assert workloads["proxy"].spec.depends_on == {"web-1": "ready", "web-2": "ready", "web-3": "ready"}
    assert workloads["web-2"].spec.depends_on == {"db": "started"}


def test_one_instance_is_called_1_and_none_is_none(read):
    assert list(read("workloads: {web: {command: x, instances: 1}}").workloads) == ["web-1"]
    text = "workloads:\n  web: {command: x, instances: 0}\n  b: {command: x, depends_on: [web]}\n"
    workloads = read(text).workloads
    assert list(workloads) == ["b"]
    assert workloads["b"].spec.depends_on == {}


def test_another_number_changes_nothing_of_those_that_stay(read):
    before = read(WEB).workloads
    after = read(WEB.replace("instances: 3", "instances: 5")).workloads
    assert all(before[name] == after[name] for name in ("web-1", "web-2", "web-3"))
    assert len({revision(one.spec) for name, one in after.items() if one.instance}) == 5


def test_in_dual_mode_each_mode_has_its_own(read):
    text = f"    mode: dual\n{WEB}"
    text = text.replace("tags:", "modes: {sandbox: {ports: 9000-9002}}\n        tags:")
    workloads = read(text).workloads
    assert [one for one in workloads if one.startswith("web")] == [
        f"web-{mode}-{number}" for mode in ("sandbox", "live") for number in (1, 2, 3)
    ]
    assert (workloads["web-sandbox-1"].port, workloads["web-live-1"].port) == (9000, 8000)
    assert workloads["proxy-live"].spec.depends_on == {f"web-live-{number}": "ready" for number in (1, 2, 3)}


FAULTS = {
    "instances: -1": "workloads.a.instances",
    "instances: 1001": "workloads.a.instances",
    "instances: 3, ports: 80-81": "workloads.a.ports: 80-81 are 2 for 3 instances; allowed: one for each or more",
    "ports: 9-8": 'workloads.a.ports: "9-8" is no range of ports; allowed: FIRST-LAST within 1-65535, as in 8000-8009',
    "ports: 0-8": 'workloads.a.ports: "0-8" is no range of ports',
    "ports: 1-65536": 'workloads.a.ports: "1-65536" is no range of ports',
    "ports: x": 'workloads.a.ports: "x" is no range of ports',
    "instances: 2, modes: {live: {ports: 80-80}}": "workloads.a.modes: live: ports: 80-80 are 1 for 2 instances",
    "modes: {live: {ports: q}}": 'workloads.a.modes.live.ports: "q" is no range of ports',
    "roll: {keep_ready: 1}": (
        "workloads.a.roll.keep_ready: 1 of 1 leaves none to restart; allowed: 0, or instances: N with more"
    ),
    "instances: 2, roll: {keep_ready: 3}": "workloads.a.roll: keep_ready 3 of 2 leaves none to restart; allowed: fewer",
    "instances: 2, roll: {keep_ready: 2}": "workloads.a.roll: keep_ready 2 of 2 leaves none to restart; allowed: fewer",
    "roll: {ready_within: 0s}": "workloads.a.roll.ready_within: has to be more than 0s",
    'sockets: {H: "a:1"}': 'workloads.a.sockets: "H" is no name',
    "sockets: {h: nowhere}": 'workloads.a.sockets: h: "nowhere" is no address; allowed: HOST:PORT or unix:/PATH',
    'sockets: {h: "unix:here"}': 'workloads.a.sockets: h: "unix:here" is no address; allowed: unix:/PATH',
    "modes: {live: {sockets: {h: x}}}": 'workloads.a.modes.live.sockets: h: "x" is no address',
    "tags: [A]": 'workloads.a.tags: "A" is no tag',
    "tags: [x, x]": 'workloads.a.tags: "x" stands there twice; allowed: once',
    'sockets: {h: "a:1"}, notify: {ready: fd}': "workloads.a.notify.fd: 3 is the descriptor of a socket; allowed: 4 or",
    'probes: {liveness: {tcp: "a:${GYROSTAT_PORT}"}}': (
        "workloads.a.probes.liveness: ${GYROSTAT_PORT} stands here, and the workload has no ports; allowed: ports: F"
    ),
}


@pytest.mark.parametrize("said", FAULTS)
def test_what_cannot_be_is_one_line_with_place_key_and_remedy(faults, said):
    lines = faults(f"workloads:\n  a: {{command: x, {said}}}\n")
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"gyrostat.yaml:2: {FAULTS[said]}"), lines


CLASHES = {
    "ports: 8000-8001": "ports: 8001-8009",
    "ports: 8000-8002": 'sockets: {h: "127.0.0.1:8002"}',
    'sockets: {h: "127.0.0.1:80"}': 'sockets: {g: "0.0.0.0:80"}',
    'sockets: {h: "unix:/run/x"}': 'sockets: {h: "unix:/run/x"}',
}


@pytest.mark.parametrize("one", CLASHES)
def test_two_workloads_cannot_have_the_same_place(faults, one):
    lines = faults(f"workloads:\n  a: {{command: x, {one}}}\n  b: {{command: x, {CLASHES[one]}}}\n")
    assert len(lines) == 1, lines
    assert lines[0].startswith("gyrostat.yaml:3: workloads.b.")
    assert lines[0].endswith('is wanted by "a" too; allowed: a place of its own')


def test_different_places_are_no_fault(faults):
    text = """\
        workloads:
          a: {command: x, ports: 8000-8001, sockets: {h: "127.0.0.1:80", u: "unix:/run/a"}}
          b: {command: x, ports: 8002-8003, sockets: {h: "127.0.0.2:80", u: "unix:/run/b"}}
        """
    assert faults(text) == []


def test_in_dual_mode_a_place_that_both_modes_want_is_a_fault_with_its_remedy(faults):
    text = "mode: dual\nworkloads:\n  a: {command: x, ports: 80-81}\n"
    assert faults(text) == [
        (
            'gyrostat.yaml:3: workloads.a.ports: "80-81" is wanted by its mode sandbox too; '
            "allowed: another one in modes.live.ports"
        )
    ]
    assert faults(text.replace("80-81}", "80-81, modes: {live: {ports: 82-83}}}")) == []


def test_sockets_are_part_of_the_revision_and_tags_are_not(read):
    plain, tagged, listening = (
        revision(read(f"workloads: {{a: {{command: x{more}}}}}").workloads["a"].spec)
        for more in ("", ", tags: [t]", ', sockets: {h: "a:1"}')
    )
    assert plain == tagged
    assert plain != listening


def test_addresses_and_ranges_are_read():
    assert port_range("80") == PortRange(80, 80)
    assert port_range("80-90").count == 11
    assert socket_address("[::1]:80").host == "::1"
    assert socket_address("unix:/run/a b").path == "/run/a b"


def test_a_scale_counts_while_the_config_says_what_it_said(read):
    declared = read(WEB).declared
    assert scaled(declared, {"web": Scale(5, said=3)})["web"].instances == 5
    assert scaled(declared, {"web": Scale(5, said=2)})["web"].instances == 3
    assert scaled(declared, {"web": Scale(50, said=3), "gone": Scale(1, 1)}) == declared


def test_a_scale_that_cannot_be_says_why(read):
    declared = read(WEB).declared
    assert new_scale(declared, "web", 9) == Scale(9, 3)
    with pytest.raises(ValueError, match="ports: 8000-8009 are 10 for 11 instances"):
        new_scale(declared, "web", 11)
    with pytest.raises(ValueError, match="db has no instances; say instances: 1"):
        new_scale(declared, "db", 2)


def test_kept_scales_are_applied_when_the_config_is_read(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("node: {state_dir: here}\nworkloads: {a: {command: x, instances: 1}}\n")
    asked: list[Path] = []

    def kept(state_dir: Path) -> dict[str, Scale]:
        asked.append(state_dir)
        return {"a": Scale(2, 1)}

    settings = load(path, actor_types={}, resolve=None, environ={}, scales=kept)
    assert list(settings.workloads) == ["a-1", "a-2"]
    assert settings.declared["a"].instances == 1
    assert asked == [tmp_path / "here"]
