"""The pages that are made from the program say what it says today."""

import re

import pytest

from actors.cli.door import COMMANDS
from actors.cli.shapes import SHAPES
from tests.cli import pages


@pytest.mark.parametrize("name", pages.PAGES)
def test_the_page_is_current(name):
    kept = (pages.DOCS / name).read_text("utf-8")
    assert kept == pages.PAGES[name](), "`python -m tests.cli.pages` writes it anew"


def test_every_command_stands_on_the_page():
    text = pages.cli_page()
    assert all(f"\n## gyrostat {name}\n" in text for name in COMMANDS)


def test_every_command_that_has_json_has_a_shape_and_no_other():
    having = {
        name
        for name, command, _ in pages.commands()
        if any("--json" in param.opts for param in command.params) and name != "schema"
    }
    assert having == SHAPES.keys()


@pytest.mark.parametrize("name", ["cli.md", "config.md"])
def test_every_link_within_a_page_leads_somewhere(name):
    text = pages.PAGES[name]()
    headings = {
        re.sub(r"[^\w -]", "", line[3:]).lower().replace(" ", "-") for line in text.splitlines() if line[:3] == "## "
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
