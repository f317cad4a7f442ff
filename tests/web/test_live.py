"""Pages that stay open: many at once, for long, and over the end of the node."""

import re
import signal

from playwright.sync_api import expect

from tests.e2e.conftest import until
from tests.web.conftest import SCREENS, show

TABS = 9
"""More than the six connections that a browser opens to one host."""
AWAY = ["ERR_", "Failed to load resource"]
"""What the browser itself says while the node is away."""


def test_nine_tabs_hear_of_everything_over_one_stream(panel, open_context):
    panel.serve()
    context = open_context()
    pages = [context.new_page() for _ in range(TABS)]
    streams = []
    for page in pages:
        page.on("request", lambda request: streams.append(request) if "/events" in request.url else None)
        show(page, panel, "workloads/store")
        expect(page.get_by_role("button", name="Restart store")).to_be_visible()
    leaders = [page for page in pages if page.evaluate("document.documentElement.dataset.leads")]
    assert len(leaders) == len(streams) == 1

    assert panel.call("stop", "store")[0] == 0
    for page in pages:
        page.bring_to_front()
        expect(page.get_by_role("button", name="Release store")).to_be_visible()

    leaders[0].close()
    rest = [page for page in pages if page is not leaders[0]]
    until(
        lambda: any(page.evaluate("document.documentElement.dataset.leads") for page in rest) and len(streams) == 2,
        "another tab listens",
    )
    assert panel.call("start", "store")[0] == 0
    for page in rest:
        page.bring_to_front()
        expect(page.get_by_role("button", name="Stop store")).to_be_visible()


def test_a_fact_is_shown_before_the_timer_would_ask(panel, open_context):
    """The timer is taken away: what is shown then came by the stream."""
    panel.serve()
    page = open_context().new_page()
    page.add_init_script(
        "const later = window.setTimeout; window.setTimeout = (f, ms, ...a) => later(f, ms > 2000 ? 1e8 : ms, ...a);"
    )
    show(page, panel, "workloads/store")
    expect(page.get_by_role("button", name="Stop store")).to_be_visible()
    until(lambda: page.evaluate("document.documentElement.dataset.leads"), "it listens")
    assert panel.call("stop", "store")[0] == 0
    expect(page.get_by_role("button", name="Release store")).to_be_visible()


def test_a_node_that_does_not_answer_is_said_with_the_time_since_when(panel, open_context):
    node = panel.serve()
    page = open_context(borne=AWAY).new_page()
    show(page, panel)
    expect(page.get_by_role("heading", level=1)).to_have_text("All is well")
    node.send_signal(signal.SIGSTOP)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Stale since ")
    expect(alert).to_contain_text("the node does not answer")
    expect(page.get_by_role("heading", level=1)).to_have_text("All is well")  # what it said last stays
    node.send_signal(signal.SIGCONT)
    expect(alert).to_have_count(0)


def test_a_node_that_was_ended_and_started_again_is_followed_on(panel, open_context):
    node = panel.serve()
    port = panel.url.rpartition(":")[2]
    page = open_context(borne=AWAY).new_page()
    show(page, panel, "workloads/store")
    node.kill()
    node.wait()
    expect(page.get_by_role("alert")).to_contain_text("Stale since ")
    panel.serve(panel.config.read_text().replace("port: 0", f"port: {port}"))
    expect(page.get_by_role("alert")).to_have_count(0)
    assert panel.call("stop", "store")[0] == 0
    expect(page.get_by_role("button", name="Release store")).to_be_visible()


def test_a_page_that_is_open_for_long_keeps_nothing(panel, open_context):
    """Elements, listeners and heap after many answers, against those after a few."""
    panel.serve()
    page = open_context().new_page()
    show(page, panel, "workloads/store")
    expect(page.locator(".chart canvas").first).to_be_visible()
    devtools = page.context.new_cdp_session(page)

    def kept():
        devtools.send("HeapProfiler.collectGarbage")
        counted = devtools.send("Memory.getDOMCounters")
        return counted["nodes"], counted["jsEventListeners"], devtools.send("Runtime.getHeapUsage")["usedSize"]

    def look_around(times):
        for _ in range(times):
            for screen in [*SCREENS, "workloads/store"]:
                page.evaluate("screen => { location.hash = `#/${screen}` }", screen)
                expect(page.locator(".nav [aria-current=page]")).to_have_attribute("href", f"#/{screen.split('/')[0]}")
                expect(page.locator("main").get_by_text("asking…")).to_have_count(0)

    look_around(2)
    before = kept()
    look_around(6)
    after = kept()
    assert after[0] < before[0] * 1.3, (before, after)
    assert after[1] < before[1] * 1.3, (before, after)
    assert after[2] < before[2] * 1.3, (before, after)


def test_a_machine_whose_clock_is_wrong_shows_times_as_the_node_means_them(panel, open_context):
    panel.serve()
    page = open_context().new_page()
    page.add_init_script("const now = Date.now; Date.now = () => now.call(Date) + 3 * 3600e3;")
    show(page, panel, "workloads/store")
    probed = page.get_by_role("table", name="Probes").locator("time")
    expect(probed).to_have_text(re.compile(r"^(just now|\d+(\.\d)? s ago|in \d.*s)$"))


def test_a_part_that_is_refused_later_is_said_to_be_as_it_was(panel, open_context):
    panel.serve()
    page = open_context(borne=["503"]).new_page()
    show(page, panel, "nodes")
    refusal = {
        "status": 503,
        "content_type": "application/problem+json",
        "body": '{"title": "x", "detail": "no answer"}',
    }
    page.route("**/nodes", lambda route: route.fulfill(**refusal))
    expect(page.get_by_role("status").filter(has_text="/nodes is as it was: no answer")).to_be_visible()
    page.unroute("**/nodes")
    expect(page.locator(".stale")).to_have_count(0)
