"""What a person does in the dashboard, and what the node does then."""

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import until
from tests.web.conftest import HOUSE, give_token, show

REFUSED = ["401 (Unauthorized)"]
"""What the browser itself says of an answer that asks for a token."""


@pytest.fixture
def broken(panel):
    """feed is in a crash loop, and its repair waits for a person's word."""
    (panel.directory / "broken").touch()
    panel.serve()
    return panel


def test_an_approval_is_clicked_and_the_repair_is_done_verified_and_taken_back(broken, open_context):
    page = open_context().new_page()
    show(page, broken)
    expect(page.get_by_role("heading", level=1)).to_have_text("1 thing needs you")
    card = page.get_by_role("region", name="Needs you")
    expect(card).to_contain_text("hook:repair of feed?")
    expect(card).to_contain_text("no such table: feed")
    expect(page).to_have_title("(1) Now · alpha · gyrostat")

    card.get_by_label("Note on hook:repair of feed").fill("the table is back")
    card.get_by_role("button", name="Approve hook:repair of feed").click()
    give_token(page, broken.token)
    expect(page.get_by_role("heading", level=1)).to_have_text("All is well")
    assert not (broken.directory / "broken").exists()
    assert broken.rows()["feed"]["state"] in {"running", "ready"}

    did = page.get_by_role("region", name="What it did by itself, and why")
    expect(did).to_contain_text("hook:repair")
    expect(did).to_contain_text("because of crash loop")
    did.get_by_role("link", name="crash loop").first.click()
    chain = page.locator(".chain")
    expect(chain).to_contain_text("verified")
    expect(chain).to_contain_text("the table is back")

    page.get_by_role("button", name="Undo").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    until((broken.directory / "broken").exists, "the hook's undo has run")


def test_a_rejected_repair_is_not_done(broken, open_context):
    page = open_context().new_page()
    page.goto(f"{broken.url}/#token={broken.token}")
    page.get_by_role("button", name="Reject hook:repair of feed").click()
    expect(page.get_by_role("status").filter(has_text="Rejected hook:repair of feed")).to_be_visible()
    assert broken.token not in page.url
    issues = json.loads(broken.call("issues", "--json")[1])["issues"]
    assert [each["asks"] for each in issues if each["subject"] == "feed"] != ["hook:repair"]
    assert (broken.directory / "broken").exists()


def test_a_wrong_token_is_asked_for_again_and_nothing_is_done(broken, open_context):
    page = open_context(borne=REFUSED).new_page()
    show(page, broken)
    page.get_by_role("button", name="Approve hook:repair of feed").click()
    give_token(page, "not-the-token-of-this-node")
    expect(page.get_by_role("alert")).to_have_text("The node did not take this token.")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert (broken.directory / "broken").exists()
    expect(page.get_by_role("button", name="Approve hook:repair of feed")).to_be_enabled()


def test_a_workload_is_restarted_held_and_released_with_a_reason(panel, open_context):
    panel.serve()
    before = panel.rows()["store"]["pid"]
    page = open_context().new_page()
    page.goto(f"{panel.url}/#token={panel.token}")
    show(page, panel, "workloads/store")

    page.get_by_role("button", name="Restart store").click()
    page.get_by_role("dialog").get_by_label("Why").fill("new library")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Restart store")).to_be_visible()
    until(lambda: panel.rows()["store"]["pid"] not in (None, before), "another process runs")

    page.get_by_role("button", name="Hold store").click()
    page.get_by_role("dialog").get_by_role("button", name="Hold").click()
    expect(page.get_by_role("button", name="Release store")).to_be_visible()
    assert panel.rows()["store"]["held"]
    page.get_by_role("button", name="Release store").click()
    expect(page.get_by_role("button", name="Stop store")).to_be_visible()
    until(lambda: panel.rows()["store"]["state"] == "ready", "it runs again")


def test_how_far_healing_goes_is_set_for_one_workload(panel, open_context):
    panel.serve()
    page = open_context().new_page()
    page.goto(f"{panel.url}/#token={panel.token}")
    show(page, panel, "workloads/store")
    page.get_by_label("How far it goes by itself").select_option("observe")
    expect(page.get_by_role("status").filter(has_text="Phase of store")).to_be_visible()
    phases = json.loads(panel.call("phase", "--json")[1])["workloads"]
    assert {row["name"]: (row["phase"], row["set_by"]) for row in phases}["store"] == ("observe", "person")


def test_where_looking_needs_the_token_the_page_asks_for_it(panel, open_context):
    panel.serve(HOUSE.replace("gateway: {port: 0}", "gateway: {port: 0, auth: all}"))
    page = open_context(borne=REFUSED).new_page()
    page.goto(panel.url)
    give_token(page, panel.token)
    expect(page.get_by_role("heading", level=1)).to_have_text("All is well")


def test_a_task_is_cancelled_and_run_again(panel, open_context):
    panel.serve(HOUSE + "tasks:\n  long: {command: [sh, -c, 'echo progress 0.4 half >&3; exec sleep 1003']}\n")
    assert panel.call("tasks", "add", "long")[0] == 0
    page = open_context().new_page()
    page.goto(f"{panel.url}/#token={panel.token}")
    show(page, panel, "tasks")
    table = page.get_by_role("table", name="Tasks of medium priority")
    expect(table).to_contain_text("40 %")
    page.get_by_role("button", name="Cancel task 1").click()
    expect(page.locator("main")).to_contain_text("No task waits or runs.")
    page.get_by_role("button", name="Ended", exact=True).click()
    expect(table).to_contain_text("cancelled")
    page.get_by_role("button", name="Retry task 1").click()
    page.get_by_role("button", name="Not ended").click()
    expect(table).to_contain_text("running")
