import json

import pytest

from actors.node import load_node
from actors.scales import FILE_NAME, read_scales, rescale
from actors.settings.scale import Scale
from bus.errors import Refused

CONFIG = """\
node: {name: alpha, state_dir: ./var}
workloads:
  web: {command: x, instances: 2, ports: 9000-9003}
  db: {command: x}
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "gyrostat.yaml"
    path.write_text(CONFIG.replace("command: x", "command: sleep 9"))
    (tmp_path / "var").mkdir()
    return path


def names(path):
    return list(load_node(path, {})[0].workloads)


def test_a_scale_is_kept_and_counts_at_the_next_start(config, tmp_path):
    settings, _ = load_node(config, {})
    scaled = rescale(settings, "web", 4)
    assert list(scaled.workloads) == ["web-1", "web-2", "web-3", "web-4", "db"]
    assert json.loads((tmp_path / "var" / FILE_NAME).read_text()) == {"web": {"instances": 4, "said": 2}}
    assert names(config) == ["web-1", "web-2", "web-3", "web-4", "db"]
    assert list(rescale(scaled, "web", 0).workloads) == ["db"]
    assert list(rescale(scaled, "web", None).workloads) == ["web-1", "web-2", "db"]
    assert read_scales(tmp_path / "var") == {}


def test_a_config_that_says_another_number_ends_a_scale(config):
    rescale(load_node(config, {})[0], "web", 4)
    config.write_text(config.read_text().replace("instances: 2", "instances: 1"))
    assert names(config) == ["web-1", "db"]


@pytest.mark.parametrize(
    ("name", "count", "why"),
    [
        ("wep", 3, "no workload 'wep' in the config; did you mean 'web'?"),
        ("db", 3, "db has no instances; say instances: 1 in the config to have them"),
        ("web", 5, "ports: 9000-9003 are 4 for 5 instances"),
        ("web", 1001, "ports: 9000-9003 are 4 for 1001 instances"),
    ],
)
def test_what_cannot_be_scaled_is_refused_and_changes_nothing(config, tmp_path, name, count, why):
    with pytest.raises(Refused) as refused:
        rescale(load_node(config, {})[0], name, count)
    assert str(refused.value).startswith(why)
    assert read_scales(tmp_path / "var") == {}


def test_a_file_that_cannot_be_read_scales_nothing(config, tmp_path):
    (tmp_path / "var" / FILE_NAME).write_text("{not json")
    assert read_scales(tmp_path / "var") == {}
    assert names(config) == ["web-1", "web-2", "db"]


def test_a_directory_that_takes_nothing_refuses(config, tmp_path):
    settings, _ = load_node(config, {})
    (tmp_path / "var" / FILE_NAME).with_suffix(".new").mkdir()
    with pytest.raises(Refused, match="cannot keep it in"):
        rescale(settings, "web", 3)


def test_scales_of_workloads_that_are_gone_are_forgotten(config, tmp_path):
    (tmp_path / "var" / FILE_NAME).write_text('{"old": {"instances": 3, "said": 1}}')
    rescale(load_node(config, {})[0], "web", 3)
    assert read_scales(tmp_path / "var") == {"web": Scale(3, 2)}
