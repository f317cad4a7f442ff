"""How soon the dashboard is painted, and what a page that stays open keeps.

Run: .venv/bin/python benchmarks/dashboard.py [MINUTES]     (default 10; needs Debian's chromium)

A node with 20 workloads, one of which writes a line a second. first paint: the browser's own first-contentful-paint.
verdict: until the one sentence on the whole stands there, filled with the node's answer. Cold: nothing in the browser's
cache. heap, elements, listeners: after a garbage collection, each minute, with the screen of a workload open: charts,
log and tables that are drawn again at every answer.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.web.conftest import Panel, show

LOADS = 15
WATCH = """
new MutationObserver((_, watch) => {
  if (document.querySelector("#verdict h1")) { window.verdictAt = performance.now(); watch.disconnect(); }
}).observe(document, { childList: true, subtree: true });
"""
PAINTED = """
new Promise((done) => new PerformanceObserver((list) => {
  const [found] = list.getEntriesByName("first-contentful-paint");
  if (found) done(found.startTime);
}).observe({ type: "paint", buffered: true }))
"""
CONFIG = (
    """
node: {name: alpha}
workloads:
  store:
    command: [sh, -c, "while :; do date; sleep 1; done"]
    probes: {readiness: {exec: ["true"], every: 2s}}
"""
    + "\n".join(f"  w{n}: {{command: [sleep, '{1000 + n}']}}" for n in range(19))
    + "\nactors: {gateway: {port: 0}}\n"
)


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    panel = Panel(Path(tempfile.mkdtemp(prefix="gyro-bench-")).resolve())
    try:
        panel.serve(CONFIG)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            loads(browser, panel)
            stays_open(browser, panel, minutes)
            browser.close()
    finally:
        panel.clean()
        shutil.rmtree(panel.directory)


def loads(browser: Browser, panel: Panel) -> None:
    cold = [load(browser.new_context().new_page(), panel) for _ in range(LOADS)]
    context = browser.new_context()
    load(context.new_page(), panel)
    warm = [load(context.new_page(), panel) for _ in range(LOADS)]
    print(f"{'ms':6} {'first paint':>24} {'verdict':>24}")
    for name, rows in (("cold", cold), ("warm", warm)):
        cells = [
            f"median {statistics.median(column):.0f}, worst {max(column):.0f}" for column in zip(*rows, strict=True)
        ]
        print(f"{name:6} {cells[0]:>24} {cells[1]:>24}")


def load(page: Page, panel: Panel) -> tuple[float, float]:
    """Milliseconds from the navigation to the first paint, and to the verdict."""
    page.add_init_script(WATCH)
    page.goto(panel.url)
    page.locator("#verdict h1").wait_for()
    painted = page.evaluate(PAINTED)
    verdict = page.evaluate("window.verdictAt")
    page.close()
    return painted, verdict


def stays_open(browser: Browser, panel: Panel, minutes: float) -> None:
    page = browser.new_page()
    show(page, panel, "workloads/store")
    devtools = page.context.new_cdp_session(page)
    print(f"{'minute':>6} {'heap MB':>8} {'elements':>9} {'listeners':>9}")
    began_s = time.monotonic()
    for minute in range(int(minutes) + 1):
        time.sleep(max(0.0, began_s + minute * 60 - time.monotonic()) + (10 if minute == 0 else 0))
        devtools.send("HeapProfiler.collectGarbage")
        counted = devtools.send("Memory.getDOMCounters")
        heap = devtools.send("Runtime.getHeapUsage")["usedSize"] / 1e6
        print(f"{minute:6} {heap:8.2f} {counted['nodes']:9} {counted['jsEventListeners']:9}", flush=True)


if __name__ == "__main__":
    main()
