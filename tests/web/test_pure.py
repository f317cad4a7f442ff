"""The parts of the dashboard that only reckon, called in the browser."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.settings import METRICS
from tests.web.conftest import show


@pytest.fixture(scope="module")
def call(house, chromium):
    """Calls a function of a module with arguments: call("format.js", "span", [[90]]) gives a list of results."""
    page = chromium.new_page()
    show(page, house)

    def call(module, name, cases):
        return page.evaluate(
            "async ([module, name, cases]) => { const f = (await import(`/static/js/${module}`))[name];"
            " return cases.map((args) => f(...args)); }",
            [module, name, cases],
        )

    yield call
    page.close()


def test_times_sizes_and_numbers_are_written_for_people(call):
    spans = {0: "0 ms", 0.34: "340 ms", 3.2: "3.2 s", 9.96: "10 s", 59.6: "1 min", 250: "4 min 10 s", 3599.9: "1 h",
             7500: "2 h 5 min", 86_400: "1 d", 273_600: "3 d 4 h", -1: "0 ms"}  # fmt: skip
    assert call("format.js", "span", [[each] for each in spans]) == list(spans.values())
    sizes = {0: "0 B", 999: "999 B", 1000: "1 kB", 12_345_678: "12.3 MB", 999_600_000: "1 GB", -1500: "-1.5 kB"}
    assert call("format.js", "bytes", [[each] for each in sizes]) == list(sizes.values())
    numbers = {0: "0", 0.01449: "0.014", 1.5: "1.5", 99.999: "100", 123.45: "123.5", 12345.6: "12346", 1e9: "1.00e+9"}
    assert call("format.js", "number", [[each] for each in numbers]) == list(numbers.values())
    assert call("format.js", "measured", [[None, "percent"], [0.5, "percent"], [2, "seconds"], [3, "count"]]) == [
        "\u2013", "0.5 %", "2 s", "3",
    ]  # fmt: skip
    assert call("format.js", "ago", [[100, 112], [100, 100.2], [160, 100]]) == ["12 s ago", "just now", "in 1 min"]


def test_the_units_of_metrics_are_those_of_the_settings(call):
    assert dict(zip(METRICS, call("format.js", "unitOf", [[name] for name in METRICS]), strict=True)) == dict(METRICS)


def test_escape_sequences_of_terminals_are_taken_out_of_lines(call):
    lines = {
        "\x1b[31mred\x1b[0m": "red",
        "\x1b]8;;http://x\x07link\x1b]8;;\x07": "link",
        "a\x1bMb": "ab",
        "plain": "plain",
    }
    assert call("format.js", "bare", [[line] for line in lines]) == list(lines.values())


READ = """
async ([pieces]) => {
  const { EventReader } = await import("/static/js/sse.js");
  const heard = [];
  const reader = new EventReader((event) => heard.push([event.id, event.event, event.data]));
  for (const piece of pieces) reader.take(piece);
  return heard;
}
"""


LINES = [": hello", "id: 7", "event: process.exited.v1", 'data: {"a":', "data:1}", "", "data", "", "id: 8", ""]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_stream_is_read_the_same_however_it_is_cut(house, chromium, end):
    page, text = chromium.new_page(), end.join(LINES)
    show(page, house)

    @given(st.lists(st.integers(0, len(text)), max_size=8))
    def reads(cuts):
        pieces = [text[one:two] for one, two in itertools.pairwise([0, *sorted(cuts), len(text)])]
        assert page.evaluate(READ, [pieces]) == [["7", "process.exited.v1", '{"a":\n1}'], ["7", "message", ""]]

    reads()
    page.close()


def test_the_time_line_shows_what_is_known_and_leaves_the_rest_blank(call):
    moves = [
        {"ago_s": 10, "before": "running", "state": "ready", "why": "probe"},
        {"ago_s": 30, "before": "stopped", "state": "running", "why": ""},
    ]
    [whole, cut, none] = call("timeline.js", "piecesOf", [[moves, 1000, 100], [moves, 1000, 20], [[], 1000, 20]])
    assert [(each["state"], each["from"], each["to"]) for each in whole] == [
        ("running", 970, 990),
        ("ready", 990, 1000),
    ]
    assert [(each["state"], each["from"], each["to"]) for each in cut] == [("running", 980, 990), ("ready", 990, 1000)]
    assert none == []


WELL = {
    "missing": {},
    "processes": {"processes": [{"state": "ready"}, {"state": "ready"}, {"state": "held"}]},
    "health": {"whole": {"level": "healthy", "why": []}},
    "issues": {"issues": []},
}
HEALING = {"issues": {"issues": [{"issue": "i1", "state": "healing"}]}}
STUCK = {"issues": {"issues": [{"issue": "i1", "state": "escalated"}]}}
ASKED = {"approvals": {"approvals": [{"issue": "i1"}]}}
SICK = {"health": {"whole": {"level": "degraded", "why": ["host: memory"]}}}
ALARM = {"health": {"whole": {"level": "failing", "why": ["all"]}, "emergency": "n1"}}


@pytest.mark.parametrize(
    ("status", "tone", "text"),
    [
        (WELL, "good", "All is well"),
        (WELL | {"processes": {"processes": []}}, "good", "All is well; there are no workloads"),
        (WELL | HEALING, "busy", "Healing 1 issue"),
        (WELL | STUCK, "bad", "1 thing needs you"),
        (WELL | STUCK | ASKED, "bad", "1 thing needs you"),
        (WELL | STUCK | ASKED | {"node": {"actors": [{"state": "given_up"}]}}, "bad", "2 things need you"),
        (WELL | SICK, "warn", "degraded"),
        (WELL | {"health": {"whole": {"level": "critical", "why": []}}}, "bad", "critical"),
        (WELL | {"processes": {"processes": [], "draining": True}}, "warn", "Drained: no workload is started"),
        (WELL | {"missing": {"goals": "late"}}, "warn", "No answer from goals"),
        (WELL | ALARM | STUCK, "bad", "Emergency: incident n1"),
    ],
)
def test_the_verdict_is_the_worst_that_is_true(call, status, tone, text):
    [said] = call("verdict.js", "verdictOf", [[status]])
    assert (said["tone"], said["text"]) == (tone, text)


def test_the_verdict_of_a_house_that_is_well_counts_its_workloads(call):
    assert call("verdict.js", "verdictOf", [[WELL]])[0]["why"] == "2 ready, 1 held"
