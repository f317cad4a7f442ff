import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.healer import templates
from actors.healer.templates import TemplateMiner, hole_of, mask_word


def mined(*lines: str) -> list[str]:
    miner = TemplateMiner()
    ids = [miner.add(line) for line in lines]
    return [miner.final(one) for one in ids]


@pytest.mark.parametrize(
    ("word", "masked"),
    [
        ("plain", "plain"),
        ("42", "<*>"),
        ("(42)", "(<*>)"),
        ("10.0.0.1:8080", "<*>"),
        ("/var/lib/x.db:", "<*>:"),
        ("http://h/v1?page=2", "<*>"),
        ("user=root,", "user=<*>,"),
        ("ready=true", "ready=true"),
        ("rhost=", "rhost=<*>"),
        ("fe80::1ff:fe23", "<*>"),
        ("IPV6", "IPV6"),
        ("step....7", "step....<*>"),
        ("report-3.csv", "<*>"),
        ("<1", "<*>"),
    ],
)
def test_what_varies_by_its_look_is_masked(word, masked):
    assert mask_word(word) == masked


def test_lines_that_differ_in_numbers_are_one_template():
    one, other = mined("sent 4 bytes to 10.0.0.1:99", "sent 71 bytes to 10.0.0.7")
    assert one == other


def test_lists_of_any_length_and_units_are_one_template():
    assert len(set(mined("drop shards [1] now", "drop shards [1, 2, 3] now"))) == 1
    assert len(set(mined("request took 7 ms today", "request took 1.2s today"))) == 1


def test_words_become_a_variable_once_enough_are_seen():
    names = ["ann", "ben", "cat", "dan", "eve"]
    ids = mined(*(f"session of {name} opened" for name in names))
    assert len(set(ids)) == 1


def test_few_words_stay_templates_of_their_own():
    assert len(set(mined("link is up now", "link is down now"))) == 2


def test_the_word_after_user_is_a_name():
    assert len(set(mined("denied user ann today here", "denied user ben today here"))) == 1


def test_the_first_word_is_never_a_plain_variable():
    assert len(set(mined(*(f"{verb} the queue item" for verb in ("add", "drop", "keep", "move", "scan"))))) == 5


def test_the_template_shows_its_variables():
    miner = TemplateMiner()
    one = miner.add("denied user ann today here")
    miner.add("denied user ben today here")
    assert miner.template(one) == "denied user <*> today here"


def test_an_unknown_id_stands_for_itself():
    miner = TemplateMiner()
    assert miner.final("nope") == "nope"
    assert miner.template("nope") == "<*>"


def test_an_id_is_the_same_in_another_run():
    assert TemplateMiner().add("a b 7") == TemplateMiner().add("a b 9")


def test_memory_is_bounded_and_a_forgotten_line_gets_its_id_again():
    miner = TemplateMiner(templates_max=50)
    first = miner.add("alpha beta")
    for at in range(1000):
        letters = "".join(chr(97 + int(digit)) for digit in str(at))
        miner.add(f"{letters} {letters}")
    assert len(miner) <= 51
    assert miner.add("alpha beta") == first


def test_caches_are_emptied_when_full(monkeypatch):
    monkeypatch.setattr(templates, "WORDS_MAX", 4)
    monkeypatch.setattr(templates, "KNOWN_MAX", 4)
    miner = TemplateMiner()
    ids = [miner.add(f"stored block {'x' * at} today") for at in range(1, 40)]
    assert len({miner.final(one) for one in ids}) == 1


def test_merges_survive_forgetting():
    miner = TemplateMiner(templates_max=40)
    ids = [miner.add(f"session of {name} opened") for name in ("ann", "ben", "cat", "dan")]
    for at in range(60):
        miner.add("q" * (at + 1) + " z")
        miner.add("session of ann opened" if at % 2 else "session of fay opened")
    again = miner.add("session of ben opened")
    assert miner.final(again) == miner.final(miner.add("session of fay opened"))
    assert ids[1] == again


@given(st.lists(st.text(), max_size=30))
def test_any_text_is_taken_and_final_is_settled(lines):
    miner = TemplateMiner(templates_max=8)
    for line in lines:
        one = miner.add(line)
        final = miner.final(one)
        assert miner.final(final) == final
        assert isinstance(miner.template(one), str)


@given(st.text(max_size=40))
def test_a_hole_puts_the_word_together_again(word):
    hole = hole_of(word)
    assert hole is None or "".join(hole) == word


@given(st.lists(st.sampled_from(["a b 1", "a b 2", "user ann in x y", "user ben in x y", "up", "down"]), max_size=20))
def test_grouping_does_not_depend_on_repeats(lines):
    once = mined(*dict.fromkeys(lines))
    twice = mined(*lines, *lines)[-len(lines) :] if lines else []
    groups = dict(zip(dict.fromkeys(lines), once, strict=True))
    for one, first in zip(lines, twice, strict=True):
        assert (groups[one] == groups[lines[0]]) == (first == twice[0])
