import json
import math
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as families

OPEN = "application/openmetrics-text; version=1.0.0"


def samples(found):
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in found for one in family.samples}


@pytest.mark.parametrize(
    ("accept", "parse", "media"),
    [("*/*", families, "text/plain"), (OPEN, open_families, "application/openmetrics-text")],
)
def test_both_formats_are_read_by_their_parser_and_tell_what_is(node, accept, parse, media):
    answer = node.get("/metrics", Accept=accept)
    assert answer.headers["content-type"].startswith(media)
    found = samples(parse(answer.body.decode()))
    web = (("mode", "live"), ("workload", "web"))
    assert found["gyrostat_workload_up", web] == 1
    assert ("gyrostat_workload_restarts_total", web) in found
    assert found["gyrostat_actor_up", (("actor", "healer"),)] == 1
    assert found["gyrostat_actor_messages_total", (("actor", "gateway"),)] > 0
    assert all(math.isfinite(value) for value in found.values())


def test_memory_is_in_bytes_and_shares_are_ratios(node):
    def measured():
        found = samples(families(node.get("/metrics").body.decode()))
        return found if ("gyrostat_workload_memory_bytes", (("workload", "web"),)) in found else None

    found = node.until(measured)
    assert found["gyrostat_workload_memory_bytes", (("workload", "web"),)] > 100_000
    assert 0 <= found["gyrostat_host_disk_ratio", ()] <= 1
    assert not [name for name, _ in found if "percent" in name]


@pytest.mark.needs("promtool")
def test_promtool_has_nothing_to_say(node):
    text = node.get("/metrics").body
    said = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60, check=False)
    assert (said.returncode, said.stdout + said.stderr) == (0, b"")


@pytest.mark.needs("prometheus")
def test_a_real_prometheus_scrapes_it(node, tmp_path):
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: gyrostat, static_configs: [{{targets: ['127.0.0.1:{node.port}']}}]}}]\n"
    )
    server = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        up = until(lambda: query(port, "up"))
        assert up[0]["value"][1] == "1"
        found = until(lambda: query(port, 'gyrostat_workload_up{workload="web"}'))
        assert found[0]["metric"]["mode"] == "live"
        assert found[0]["value"][1] == "1"
    finally:
        server.terminate()
        server.wait(60)


def query(port, text):
    url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(text)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]
    except (OSError, urllib.error.URLError):
        return None


def until(true, patience_s=60.0):
    end_s = time.monotonic() + patience_s
    while not (found := true()):
        assert time.monotonic() < end_s
        time.sleep(0.1)
    return found
