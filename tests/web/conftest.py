"""The dashboard in a real browser, at a real node."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.e2e.conftest import GYROSTAT, PATIENCE_S, Site, until

HERE = Path(__file__).resolve().parent
SCREENS = {
    "": "Now",
    "workloads": "Workloads",
    "workloads/store": "store",
    "decisions": "Decisions",
    "tasks": "Tasks and gaps",
    "goals": "Goals and experiments",
    "nodes": "Nodes",
    "config": "Effective config",
}
"""The end of each address, and what its screen is called."""

HOUSE = r"""
node: {name: alpha}
mode: sandbox
workloads:
  store:
    command: [sh, -c, 'printf "<img src=x onerror=alert(1)>\n\033[31mred\033[0m\n"; exec sleep 1001']
    stop: {grace: 1s}
    probes: {readiness: {exec: ["true"], every: 1s}}
    thresholds: {memory: {above: 200MB, for: 30s}}
  feed:
    command: [sh, -c, 'test -e broken && { echo "no such table: feed"; exit 3; }; exec sleep 1002']
    restart: {backoff_first: 50ms, start_limit: 2, start_limit_window: 20s}
    stop: {grace: 1s}
    hooks:
      repair: {command: [sh, -c, "mv broken mended"], undo: [sh, -c, "mv mended broken"], timeout: 5s}
    heal:
      crash_loop: ["hook:repair"]
    phase: advise
actors:
  gateway: {port: 0}
  healer: {stable_for: 1s, check_every: 200ms, resync: 1s, cool_down: 1s}
  monitor: {interval: 1s}
"""


def pytest_collection_modifyitems(items):
    """All of them need a browser, and npm for the rules of accessibility."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.needs("chromium", "npm"))


class Panel(Site):
    """A node with its dashboard."""

    def serve(self, text=HOUSE):
        """Start a node; when this is over it answers over HTTP, and store is ready and was measured."""
        self.write(text)
        self.told.unlink(missing_ok=True)  # of one that was killed
        with (self.directory / "node.out").open("w") as out:
            node = subprocess.Popen(
                [GYROSTAT, "up"],
                cwd=self.directory,
                stdout=out,
                stderr=out,
                text=True,
                env=self.environ,
                start_new_session=True,
            )
        self.nodes.append(node)
        until(lambda: self.told.exists() or node.poll() is not None, "the node says where it answers over HTTP")
        assert node.poll() is None, (self.directory / "node.out").read_text()
        until(lambda: self.rows()["store"]["state"] == "ready", "store is ready")
        until(lambda: self.call("metrics", "store")[0] == 0, "store was measured")
        return node

    @property
    def told(self):
        return self.directory / "var" / "run" / "gateway.json"

    @property
    def url(self):
        return json.loads(self.told.read_text())["url"].rstrip("/")

    @property
    def token(self):
        return (self.directory / "var" / "gateway.token").read_text().strip()

    def clean(self):
        for node in self.nodes:
            if node.poll() is None:
                node.send_signal(signal.SIGCONT)  # one that a test has halted
        super().clean()


@pytest.fixture
def panel(tmp_path):
    panel = Panel(tmp_path.resolve())
    yield panel
    panel.clean()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A node for tests that only look."""
    panel = Panel(tmp_path_factory.mktemp("house").resolve())
    try:
        panel.serve()
        yield panel
    finally:
        panel.clean()


@pytest.fixture(scope="module")
def chromium():
    """Debian's browser. It runs as root in containers, where it needs to be told that this is meant.

    Not for the whole session: as long as Playwright runs, nothing else can run an event loop in this thread.
    """
    expect.set_options(timeout=PATIENCE_S * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_context(chromium):
    """Makes browsers that share nothing; what went wrong in their pages fails the test, unless it is `borne`."""
    contexts, wrong = [], []

    def make(*, borne=(), **options):
        context = chromium.new_context(viewport=options.pop("viewport", {"width": 1180, "height": 860}), **options)
        context.set_default_timeout(PATIENCE_S * 1000)
        contexts.append(context)

        def note(text):
            if not any(part in text for part in borne):
                wrong.append(text)

        context.on("weberror", lambda each: note(f"error: {each.error}"))
        context.on("console", lambda said: note(f"{said.type}: {said.text} {said.location['url']}"))
        return context

    yield make
    for context in contexts:
        context.close()
    assert not wrong, wrong


@pytest.fixture(scope="session")
def axe():
    """The rules of axe-core, as a script. No scripts of the package are run."""
    folder = Path(tempfile.mkdtemp(prefix="gyro-axe-"))
    shutil.copy(HERE / "package.json", folder)
    npm = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--loglevel=error"]
    done = subprocess.run(npm, cwd=folder, capture_output=True, text=True, check=False, timeout=100)
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    text = script.read_text("utf-8") if script.exists() else ""
    shutil.rmtree(folder)
    if not text and not os.environ.get("GYROSTAT_CI"):
        pytest.skip("NOT RUN (needs the npm package axe-core, which npm install did not get)")
    assert text, done.stderr
    return text


def show(page, panel, screen=""):
    """Open a screen and wait until it shows what the node said."""
    page.goto(f"{panel.url}/#/{screen}")
    expect(page.locator("main h1").first).to_be_visible()
    expect(page.locator("main").get_by_text("asking…")).to_have_count(0)
    expect(page.locator(".mode").first).not_to_have_text("mode unknown")


def give_token(page, token):
    """Answer the dialog that asks for it."""
    page.get_by_role("dialog").get_by_label("Token").fill(token)
    page.get_by_role("dialog").get_by_role("button", name="Go on").click()
