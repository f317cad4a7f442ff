"""Every screen as a person finds it: filled, legible, within reach of the keyboard, with nothing from elsewhere."""

import hashlib
import json
import re

import pytest
from playwright.sync_api import expect

from actors.gateway.static import FOLDER
from tests.e2e.conftest import until
from tests.web.conftest import SCREENS, show

SUMS = FOLDER / "vendor" / "README.md"
NARROW = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def issue(house):
    """Of the approval that waits: its page is a screen of its own."""
    (house.directory / "broken").touch()
    house.call("restart", "feed")

    def asked():
        return json.loads(house.call("issues", "--json")[1])["issues"]

    return until(lambda: next((each["issue"] for each in asked() if each["asks"]), None), "a remedy waits for a word")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_screen_keeps_the_rules_of_accessibility(house, issue, open_context, axe, scheme):
    page = open_context(color_scheme=scheme).new_page()
    found: dict[str, list[str]] = {}
    for screen, heading in [*SCREENS.items(), (f"decisions/{issue}", "crash loop of feed")]:
        show(page, house, screen)
        if screen:
            expect(page.locator("main h1").first).to_contain_text(heading)
        page.evaluate(axe)
        said = page.evaluate("async () => (await axe.run()).violations")
        found |= {
            f"{screen} {each['id']}": [f"{node['target']}: {node['failureSummary']}" for node in each["nodes"]]
            for each in said
        }
    assert not found


def test_no_screen_is_wider_than_a_phone(house, issue, open_context):
    page = open_context(viewport=NARROW).new_page()
    for screen in [*SCREENS, f"decisions/{issue}"]:
        show(page, house, screen)
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"], screen
        expect(page.locator(".bar .mode")).to_be_in_viewport()


def test_the_dark_colours_come_by_preference_and_by_the_switch_and_stay(house, open_context):
    context = open_context(color_scheme="light")
    page = context.new_page()
    show(page, house)

    def ground():
        return page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    light = ground()
    page.emulate_media(color_scheme="dark")
    dark = ground()
    assert dark != light
    page.get_by_role("button", name="Light view").click()
    assert ground() == light
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Dark view").click()
    assert ground() == dark
    page.reload()
    expect(page.get_by_role("button", name="Light view")).to_be_visible()
    assert ground() == dark


def test_what_a_program_writes_is_text_and_never_markup(house, open_context):
    page = open_context().new_page()
    show(page, house, "workloads/store")
    log = page.get_by_role("region", name="Log of store")
    expect(log).to_have_text("<img src=x onerror=alert(1)>\nred")
    assert page.locator("main img").count() == 0


def test_the_workload_screen_shows_state_probe_limit_charts_and_actions(house, open_context):
    page = open_context().new_page()
    show(page, house, "workloads/store")
    row = house.rows()["store"]
    expect(page.locator(".facts")).to_contain_text(str(row["pid"]))
    expect(page.get_by_role("img", name=re.compile("^States: .*ready from"))).to_be_visible()
    expect(page.get_by_role("table", name="Probes")).to_contain_text("readiness")
    expect(page.get_by_role("table", name="Probes")).to_contain_text("passes")
    expect(page.get_by_role("table", name="Limits")).to_contain_text("above 200 MB")
    expect(page.get_by_role("img", name=re.compile("^memory: now .* MB"))).to_be_visible()
    assert page.locator(".chart canvas").count() >= 2
    actions = page.get_by_role("group", name="Actions on store")
    assert actions.get_by_role("button").all_inner_texts() == ["Restart", "Stop", "Hold"]
    page.get_by_role("button", name="1 h", exact=True).click()
    expect(page.get_by_role("button", name="1 h", exact=True)).to_have_attribute("aria-pressed", "true")


def test_the_other_screens_show_what_the_node_knows(house, issue, open_context):
    page = open_context().new_page()
    show(page, house, "nodes")
    expect(page.get_by_role("region", name="Node alpha")).to_contain_text("this node")
    show(page, house, "goals")
    expect(page.locator("main")).to_contain_text("monitor.sampling_interval_s")
    show(page, house, "tasks")
    expect(page.locator("main")).to_contain_text("The config names no data sets.")
    show(page, house, "decisions")
    expect(page.get_by_role("table", name="Issues")).to_contain_text("crash loop")
    show(page, house, f"decisions/{issue}")
    expect(page.locator(".chain")).to_contain_text("no such table: feed")
    expect(page.locator(".chain")).to_contain_text("hook:repair waits for a person's word")
    show(page, house, "config")
    page.get_by_role("button", name="Set by you").click()
    expect(page.get_by_role("table", name="Keys of the config")).to_contain_text("sandbox")


def test_the_mode_is_seen_on_every_screen_also_after_scrolling(house, open_context):
    page = open_context(viewport={"width": 700, "height": 300}).new_page()
    for screen in SCREENS:
        show(page, house, screen)
        page.mouse.wheel(0, 5000)
        expect(page.locator(".bar .mode")).to_have_text("sandbox")
        expect(page.locator(".bar .mode")).to_be_in_viewport()


def test_the_keyboard_reaches_everything(house, open_context):
    page = open_context().new_page()
    show(page, house)
    page.keyboard.press("g")
    page.keyboard.press("w")
    expect(page.get_by_role("heading", level=1)).to_have_text("Workloads")
    page.keyboard.press("/")
    page.keyboard.type("sto")
    expect(page.get_by_role("table", name="Workloads").get_by_role("rowheader")).to_have_text(["store"])
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_have_text("Workloads")
    show(page, house, "workloads")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Workloads")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_text("Workloads")


def test_nothing_is_loaded_from_elsewhere_and_nothing_inline_would_run(house, open_context):
    page = open_context().new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    answer = page.goto(house.url)
    show(page, house, "workloads/store")
    assert all(url.startswith(house.url) for url in asked), asked
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_the_vendored_files_are_those_of_their_releases():
    listed = {name: digest for digest, name in re.findall(r"^([0-9a-f]{64})  (\S+)$", SUMS.read_text(), re.MULTILINE)}
    there = {path.name for path in SUMS.parent.iterdir()} - {SUMS.name}
    assert set(listed) == there
    for name, digest in listed.items():
        assert hashlib.sha256((SUMS.parent / name).read_bytes()).hexdigest() == digest


def test_the_first_load_asks_for_every_module_at_once(house, open_context):
    """No module is found late, by reading another: the page names all that the first screen needs."""
    page = open_context().new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(house.url)))
    show(page, house)
    named = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', (FOLDER / "index.html").read_text()))
    assert {url for url in asked if url.startswith("/static/")} == named
