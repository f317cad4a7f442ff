"""Makes docs/screenshots anew, of a real node with real faults: `.venv/bin/python -m tests.web.make_screenshots`.

Takes about two minutes, so that charts have something to show.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.e2e.conftest import until
from tests.web.conftest import Panel, show

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
RUNS_S = 100
"""Seconds."""
SIZE: ViewportSize = {"width": 1180, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 780}

CONFIG = r"""
node: {name: alpha}
mode: sandbox
workloads:
  store:
    command: [$python, -m, http.server, "$store", --bind, 127.0.0.1, --directory, shop]
    probes:
      readiness: {http: "http://127.0.0.1:$store/", every: 1s}
      liveness: {http: "http://127.0.0.1:$store/", every: 2s}
    thresholds: {memory: {above: 40MB, for: 30s}}
  web:
    command: [$python, -u, work.py]
    depends_on: {store: ready}
    probes:
      liveness: {exec: [sh, -c, "test ! -e stuck"], every: 1s, failures: 2}
    stop: {grace: 1s}
    thresholds: {cpu: {above: 60%, for: 20s}}
  importer:
    command: [sh, -c, 'test -e broken && { echo "sqlite3.Error: no such table: feed"; exit 3; }; exec sleep 999']
    restart: {backoff_first: 50ms, start_limit: 2, start_limit_window: 20s}
    hooks:
      repair: {command: [sh, -c, "mv broken mended"], undo: [sh, -c, "mv mended broken"], timeout: 5s}
    heal: {crash_loop: ["hook:repair"]}
    phase: advise
tasks:
  fetch_day:
    command: [sh, -c, 'for n in 1 2 3 4 5 6 7 8; do echo "progress 0.$n $0" >&3; sleep 12; done', "${day}"]
    params: {day: {pattern: '\d{4}-\d{2}-\d{2}'}}
datasets:
  prices:
    keys: "{day:%Y-%m-%d}.csv"
    over: {day: {dates: {from: 2026-11-01, to: 2026-11-14}}}
    have: {files: {root: prices}}
    fill: {task: fetch_day, params: {day: "{day:%Y-%m-%d}"}}
actors:
  gateway: {port: 0}
  healer: {stable_for: 1s, check_every: 200ms, resync: 1s, cool_down: 1s}
  monitor: {interval: 1s}
"""

WORK = """
import math, os, time
if os.path.exists("stuck"): os.remove("stuck")
held, n = [], 0
while True:
    n += 1
    print(f"request {n}: 200 in {2 + n % 7} ms", flush=True)
    end = time.monotonic() + 0.12 + 0.1 * math.sin(n / 9)
    while time.monotonic() < end: pass
    held = [bytes(400_000) for _ in range(20 + n % 37)]
    time.sleep(0.5)
"""


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="gyro-shots-")).resolve()
    panel = Panel(folder)
    try:
        prepare(folder)
        panel.serve(config())
        break_things(panel)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            take(browser, panel)
            browser.close()
    finally:
        panel.clean()
        shutil.rmtree(folder)


def config() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    return CONFIG.replace("$store", str(port)).replace("$python", sys.executable)


def prepare(folder: Path) -> None:
    (folder / "shop").mkdir()
    (folder / "prices").mkdir()
    for day in (1, 2, 3, 4, 6, 7, 10, 11):
        (folder / "prices" / f"2026-11-{day:02}.csv").write_text("date,price\n")
    (folder / "work.py").write_text(WORK)
    (folder / "broken").touch()


def break_things(panel: Panel) -> None:
    """The importer is broken from the beginning; web hangs once, and is healed without anybody being asked."""
    time.sleep(RUNS_S / 2)
    (panel.directory / "stuck").touch()
    until(lambda: not (panel.directory / "stuck").exists(), "web was restarted")
    time.sleep(RUNS_S / 2)


def take(browser: Browser, panel: Panel) -> None:
    FOLDER.mkdir(exist_ok=True)
    light = browser.new_context(viewport=SIZE).new_page()
    picture(light, panel, "", "now")
    picture(light, panel, "tasks", "tasks")
    issues = json.loads(panel.call("issues", "--all", "--json")[1])["issues"]
    issue = next(each for each in issues if each["subject"] == "web" and each["remedies"])
    picture(light, panel, f"decisions/{issue['issue']}", "decision")
    dark = browser.new_context(viewport=SIZE, color_scheme="dark").new_page()
    picture(dark, panel, "workloads/web", "workload-dark")
    phone = browser.new_context(viewport=PHONE, color_scheme="dark").new_page()
    picture(phone, panel, "", "phone-dark")


def picture(page: Page, panel: Panel, screen: str, name: str) -> None:
    show(page, panel, screen)
    if screen.startswith("workloads/"):
        page.get_by_role("button", name="5 min", exact=True).click()
        expect(page.locator(".chart canvas").nth(3)).to_be_visible()
    page.wait_for_timeout(1500)
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    if shutil.which("pngquant"):  # a third of the bytes
        subprocess.run(["pngquant", "--force", "--ext", ".png", "--quality", "70-95", path], check=True)


if __name__ == "__main__":
    main()
