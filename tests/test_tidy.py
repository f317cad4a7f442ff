from pathlib import Path

import pytest

from tests import house

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("check", house.CHECKS, ids=lambda check: check.__name__)
def test_the_tree_keeps_the_rule(check):
    findings = check(ROOT)
    assert not findings, "\n" + "\n".join(findings)
