import pytest

from actors.healer.patches import Failure, NoPatch, failure_in, patched

pytest.importorskip("libcst")

TRACE = """Traceback (most recent call last):
  File "/srv/app.py", line 9, in <module>
    main()
  File "/srv/lib/work.py", line 4, in main
    return json.dumps(1)
NameError: name 'json' is not defined. Did you forget to import 'json'?
"""


def test_the_failure_is_the_last_one_with_the_frames_before_it_innermost_first():
    failure = failure_in("KeyError: 'x'\n" + TRACE)
    assert failure == Failure([("/srv/lib/work.py", 4), ("/srv/app.py", 9)], name="json")
    assert failure_in("  File \"a.py\", line 2\nKeyError: 'x y'\n") == Failure([("a.py", 2)], key="'x y'")
    assert failure_in("KeyError: 7") == Failure([], key="7")
    assert failure_in("ValueError: 'x'") is None
    assert failure_in("KeyError: <object>") is None


@pytest.mark.parametrize(
    ("name", "source", "line"),
    [
        ("json", '"""Doc."""\n\nimport os\n\nos.x(json)\n', "import json"),
        ("Path", "print(Path())\n", "from pathlib import Path"),
        ("datetime", "print(datetime.now())\n", "from datetime import datetime"),
        ("datetime", "print(datetime.datetime.now())\n", "import datetime"),
        ("near", "near.go()\n", "import near"),
        ("defaultdict", "from collections import Counter\nd = {}\n", "from collections import defaultdict, Counter"),
    ],
)
def test_the_import_that_is_missing_is_added_and_all_else_stays(name, source, line):
    patch = patched(source, Failure([], name=name), 1, frozenset({"near"}))
    assert line in patch.source.splitlines()
    for kept in source.splitlines():
        assert kept in patch.source or kept.startswith("from collections")


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("'x'", "a = d['x']  # note\n", "a = d.get('x')  # note\n"),
        ("'x'", 'a = f(d["x"])["y"]\n', 'a = f(d.get("x"))["y"]\n'),
        ("7", "a = (d  [7],)\n", "a = (d  .get(7),)\n"),
        ("'x'", "a = d['u']['x']\n", "a = d['u'].get('x')\n"),
    ],
)
def test_a_key_that_is_not_there_is_read_by_get(key, before, after):
    assert patched(before, Failure([], key=key), 1, frozenset()).source.replace("  .get", ".get") == after.replace(
        "  .get", ".get"
    )


@pytest.mark.parametrize(
    ("failure", "source", "why"),
    [
        (Failure([], name="qqq"), "qqq()\n", "no module is known"),
        (Failure([], name="json"), "def (:\n", "cannot be parsed"),
        (Failure([], key="'x'"), "d['x'] = 1\n", "0 times"),
        (Failure([], key="'x'"), "del d['x']\n", "0 times"),
        (Failure([], key="'x'"), "a = d[x]\n", "0 times"),
        (Failure([], key="'x'"), "a = d['x'] + e['x']\n", "2 times"),
        (Failure([], key="'x'"), "pass\na = d['x']\n", "0 times"),
    ],
)
def test_what_is_not_certain_is_not_changed(failure, source, why):
    with pytest.raises(NoPatch, match=why):
        patched(source, failure, 1, frozenset())
