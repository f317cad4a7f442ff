"""A node that measures what its workload declares: handed in, asked by SQL, read from its endpoint, and by a class."""

import json
import socket
import sys

from tests.e2e.conftest import until

SHOP = """
import os, socket, sqlite3, sys, threading, time, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

class Metrics(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'requests_total{code="200"} %d\\n' % (1000 * time.time()))

    def log_message(self, *_):
        pass

threading.Thread(target=HTTPServer(("127.0.0.1", int(sys.argv[1])), Metrics).serve_forever, daemon=True).start()
base = sqlite3.connect("shop.db", isolation_level=None)
base.execute("create table if not exists orders (at real)")
link = socket.socket(type=socket.SOCK_DGRAM)
host, port = os.environ["GYROSTAT_STATSD"].rsplit(":", 1)
while True:
    base.execute("insert into orders values (1)")
    link.sendto(f"{os.environ['GYROSTAT_WORKLOAD']}.jobs:1|c".encode(), (host, int(port)))
    posted = urllib.request.Request(os.environ["GYROSTAT_PUSH"], b'{"queue": 12}', method="POST")
    urllib.request.urlopen(posted).close()
    time.sleep(0.05)
"""
CONFIG = """
node: {{name: alpha, state_dir: ./var}}
actors:
  monitor:
    interval: 500ms
    push: {{http: "127.0.0.1:{push}", statsd: "127.0.0.1:{push}"}}
workloads:
  shop:
    command: [{python}, -I, shop.py, "{port}"]
    metrics:
      orders: {{sql: select count(*) from orders, database: shop.db}}
      requests: {{openmetrics: "http://127.0.0.1:{port}/metrics", sample: requests_total, as: rate}}
      jobs: {{push: true, as: rate}}
      queue: {{push: true}}
      gpu: {{source: "gpus:Gpu", options: {{card: 3}}}}
    thresholds:
      queue: {{above: 10}}
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_what_a_workload_declares_is_measured_and_judged(site):
    (site.directory / "shop.py").write_text(SHOP)
    (site.directory / "gpus.py").write_text(
        "class Gpu:\n    def __init__(self, card): self.card = card\n    def read(self): return {'load': self.card}\n"
    )
    site.write(CONFIG.format(python=json.dumps(sys.executable), push=free_port(), port=free_port()))
    assert site.call("start")[0] == 0

    def row():
        return next(row for row in site.status()["health"]["workloads"] if row["subject"] == "shop")

    wanted = {"orders", "requests", "jobs", "queue", "gpu.load"}
    until(lambda: wanted <= row()["values"].keys(), "every declared metric has a value")
    values = row()["values"]
    assert values["gpu.load"] == 3
    assert values["queue"] == 12
    assert values["orders"] > 0
    assert 0 < values["jobs"] < 40
    until(lambda: 900 < row()["values"]["requests"] < 1100, "milliseconds that went by in each second")
    until(lambda: any("queue 12 above 10" in why for why in row()["why"]), "its threshold is crossed")
    until(lambda: any(one["subject"] == "shop" for one in site.status()["issues"]["issues"]), "and is an issue")


def test_a_restart_of_the_node_takes_the_addresses_again(site):
    (site.directory / "shop.py").write_text(SHOP)
    (site.directory / "gpus.py").write_text(
        "class Gpu:\n    def __init__(self, card): pass\n    def read(self): return 1\n"
    )
    site.write(CONFIG.format(python=json.dumps(sys.executable), push=free_port(), port=free_port()))
    for _ in range(2):
        assert site.call("start")[0] == 0
        until(lambda: "queue" in site.status()["health"]["workloads"][0]["values"], "values come in")
        assert site.call("stop", "--keep-workloads")[0] == 0
    assert site.call("start")[0] == 0
