import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.incidents import HOST, Incident, Incidents, IncidentSettings, Trouble, copy_of, worst
from actors.settings import Seconds

SETTINGS = IncidentSettings(after=Seconds(5), window=Seconds(60), slack=Seconds(10), settle=Seconds(20))
APPS = [f"app{number}" for number in range(12)]
NEEDS = {**dict.fromkeys(APPS, ("db", HOST)), "db": (HOST,), "front": ("app0", HOST), "lone": (HOST,)}
DOWN = Trouble(what="in a crash loop", grave=True, critical=True, issues=("i1",))
LACKS = Trouble(what="needs db", lacks=frozenset({"db"}))
GRAVE = Trouble(what="work probe fails", grave=True)
WARM = Trouble(what="cpu 90 %")


class Story:
    """Looks at troubles one after the other."""

    def __init__(self, settings=SETTINGS, known=(), number=0):
        self.book = Incidents(settings, known, number=number)

    def at(self, now_s, **troubles):
        return self.book.look(troubles, NEEDS, now_s)

    def faces(self):
        return [(one.incident, one.root, sorted(one.members)) for one in self.book.open]


def kinds(changes):
    return [(change.kind, change.incident.root) for change in changes]


def test_a_dead_database_with_twelve_dependants_is_one_incident_with_twelve_symptoms():
    story = Story()
    assert story.at(0.0, db=DOWN) == []
    assert story.at(1.0, db=DOWN, **dict.fromkeys(APPS, LACKS)) == []
    (opened,) = story.at(5.0, db=DOWN, **dict.fromkeys(APPS, LACKS))
    assert (opened.kind, opened.incident.incident, opened.incident.root) == ("opened", "n1", "db")
    assert len(opened.incident.symptoms) == 12
    assert {one.because for one in opened.incident.symptoms} == {"db"}
    assert worst(opened.incident) == "in a crash loop"
    assert story.at(6.0, db=DOWN, **dict.fromkeys(APPS, LACKS)) == []


def test_what_is_repaired_soon_is_no_incident():
    story = Story()
    assert story.at(0.0, db=DOWN, app1=LACKS) == []
    assert story.at(4.0) == story.at(30.0) == []
    assert story.book.groups == []


def test_a_chain_of_three_is_one_incident_and_says_who_suffers_because_of_whom():
    story = Story()
    front = Trouble(what="needs app0", grave=True, lacks=frozenset({"app0"}))
    story.at(0.0, front=front, app0=LACKS, db=DOWN)
    (opened,) = story.at(5.0, front=front, app0=LACKS, db=DOWN)
    assert opened.incident.root == "db"
    assert {one.subject: one.because for one in opened.incident.symptoms} == {"app0": "db", "front": "app0"}


def test_a_cause_is_found_through_one_that_is_well():
    story = Story()
    story.at(0.0, db=DOWN, front=GRAVE)
    story.at(5.0, db=DOWN, front=GRAVE)
    assert story.faces() == [("n1", "db", ["db", "front"])]


def test_a_dependant_may_be_seen_first_and_the_incident_then_gets_its_true_root():
    story = Story()
    story.at(0.0, app1=GRAVE)
    assert kinds(story.at(5.0, app1=GRAVE)) == [("opened", "app1")]
    assert kinds(story.at(9.0, app1=GRAVE, db=DOWN)) == [("changed", "db")]
    assert story.faces() == [("n1", "db", ["app1", "db"])]


def test_two_incidents_that_turn_out_to_have_one_root_become_the_older_one():
    story = Story()
    story.at(0.0, app1=GRAVE, app2=GRAVE)
    story.at(5.0, app1=GRAVE, app2=GRAVE)
    assert [face[0] for face in story.faces()] == ["n1", "n2"]
    closed, changed = story.at(9.0, app1=GRAVE, app2=GRAVE, db=DOWN)
    assert (closed.kind, closed.incident.incident, closed.what) == ("closed", "n2", "part of n1")
    assert (changed.kind, changed.incident.incident) == ("changed", "n1")
    assert story.faces() == [("n1", "db", ["app1", "app2", "db"])]


def test_troubles_without_a_common_cause_are_incidents_of_their_own():
    story = Story()
    story.at(0.0, db=DOWN, lone=GRAVE)
    story.at(5.0, db=DOWN, lone=GRAVE)
    assert story.faces() == [("n1", "db", ["db"]), ("n2", "lone", ["lone"])]


@pytest.mark.parametrize(
    ("effect_s", "together"), [(80.0, False), (91.0, True), (100.0, True), (159.0, True), (161.0, False)]
)
def test_time_decides_where_nothing_is_lacking(effect_s, together):
    """db is in trouble from 100 s on; the slack is 10 s, the window 60 s."""
    story = Story()
    for now_s in sorted({effect_s, 100.0, 170.0}):
        story.at(
            now_s,
            **({"db": DOWN} if now_s >= 100 else {}),
            **({"app1": GRAVE} if now_s >= effect_s else {}),
        )
    assert (len(story.book.groups) == 1) is together


def test_what_lacks_its_dependency_belongs_to_it_however_late():
    story = Story()
    story.at(0.0, db=DOWN)
    story.at(5000.0, db=DOWN, app1=LACKS)
    assert story.faces() == [("n1", "db", ["app1", "db"])]


def test_one_that_breaks_because_of_a_dependency_that_is_well_again_belongs_to_it():
    story = Story()
    story.at(0.0, db=DOWN)
    story.at(2.0)
    story.at(4.0, app1=GRAVE)
    story.at(9.0, app1=GRAVE)
    assert story.faces() == [("n1", "db", ["app1", "db"])]


def test_the_host_explains_what_begins_after_its_own_trouble_and_nothing_before():
    story = Story()
    story.at(0.0, lone=GRAVE)
    story.at(1.0, lone=GRAVE, host=GRAVE)
    story.at(2.0, lone=GRAVE, host=GRAVE, app1=GRAVE)
    story.at(9.0, lone=GRAVE, host=GRAVE, app1=GRAVE)
    assert story.faces() == [("n1", "lone", ["lone"]), ("n2", "host", ["app1", "host"])]


def test_a_dependency_explains_before_the_host_does():
    story = Story()
    story.at(0.0, host=GRAVE)
    story.at(1.0, host=GRAVE, db=GRAVE, app1=GRAVE)
    story.at(9.0, host=GRAVE, db=GRAVE, app1=GRAVE)
    (incident,) = story.book.open
    assert {one.subject: one.because for one in incident.symptoms} == {"db": "host", "app1": "db"}


def test_a_warning_alone_opens_nothing_but_is_a_root_when_something_suffers():
    story = Story()
    story.at(0.0, db=WARM)
    assert story.at(50.0, db=WARM) == []
    assert story.book.next_s() is None
    story.at(51.0, db=WARM, app1=GRAVE)
    story.at(56.0, db=WARM, app1=GRAVE)
    assert story.faces() == [("n1", "db", ["app1", "db"])]


def test_it_is_closed_when_all_has_been_well_for_a_while_and_one_that_flaps_stays_one():
    story = Story()
    story.at(0.0, db=DOWN)
    story.at(5.0, db=DOWN)
    assert kinds(story.at(10.0)) == [("changed", "db")]
    assert story.book.next_s() == 30.0
    assert story.at(20.0) == []
    assert kinds(story.at(21.0, db=DOWN)) == [("changed", "db")]
    assert story.book.open[0].members["db"].times == 2
    story.at(25.0)
    (closed,) = story.at(45.0)
    assert (closed.kind, closed.what) == ("closed", "everything is well")
    assert story.book.open == []
    story.at(50.0, db=DOWN)
    story.at(55.0, db=DOWN)
    assert story.faces() == [("n2", "db", ["db"])]


def test_what_it_was_at_its_worst_is_remembered():
    story = Story()
    story.at(0.0, db=WARM)
    story.at(1.0, db=DOWN)
    story.at(6.0, db=WARM)
    assert worst(story.book.groups[0]) == "in a crash loop"


def test_a_new_issue_is_news_and_is_told():
    story = Story()
    story.at(0.0, db=DOWN)
    story.at(5.0, db=DOWN)
    more = Trouble(what="in a crash loop", grave=True, issues=("i1", "i2"))
    (changed,) = story.at(6.0, db=more)
    assert changed.incident.members["db"].issues == ["i1", "i2"]
    assert changed.incident.members["db"].news_s == 6.0


def test_it_waits_for_what_is_due_and_for_nothing_else():
    story = Story()
    assert story.book.next_s() is None
    story.at(3.0, db=DOWN)
    assert story.book.next_s() == 8.0
    story.at(8.0, db=DOWN)
    assert story.book.next_s() is None


def test_several_critical_places_are_united_and_told_at_once():
    story = Story()
    story.at(0.0, db=DOWN, lone=DOWN)
    (opened,) = story.book.unite(["db", "lone"])
    assert (opened.kind, opened.incident.emergency, opened.what) == ("opened", True, "emergency: db, lone")
    assert story.faces() == [("n1", "db", ["db", "lone"])]
    assert story.at(1.0, db=DOWN, lone=DOWN) == []


def test_uniting_incidents_that_are_known_closes_the_younger_ones():
    story = Story()
    story.at(0.0, db=DOWN, lone=DOWN)
    story.at(5.0, db=DOWN, lone=DOWN)
    closed, changed = story.book.unite(["db", "lone"])
    assert (closed.kind, closed.incident.incident) == ("closed", "n2")
    assert (changed.kind, changed.incident.incident) == ("changed", "n1")
    assert story.book.unite(["nobody"]) == []


def test_it_goes_on_after_a_restart_with_the_same_incident_and_the_next_number():
    story = Story()
    story.at(0.0, db=DOWN, app1=LACKS)
    story.at(5.0, db=DOWN, app1=LACKS)
    kept = msgspec.json.encode([copy_of(one, 1e9) for one in story.book.open])
    known = [copy_of(one, 100.0 - 1e9) for one in msgspec.json.decode(kept, type=list[Incident])]
    later = Story(known=known, number=1)
    assert later.at(110.0, db=DOWN, app1=LACKS) == []
    assert later.faces() == [("n1", "db", ["app1", "db"])]
    later.at(120.0, db=DOWN, app1=LACKS, lone=GRAVE)
    later.at(500.0, db=DOWN, app1=LACKS, lone=GRAVE)
    assert [face[0] for face in later.faces()] == ["n1", "n2"]


SUBJECTS = [*APPS[:3], "db", "front", "lone", "host"]
STEPS = st.lists(
    st.tuples(
        st.floats(0, 40), st.dictionaries(st.sampled_from(SUBJECTS), st.sampled_from([DOWN, LACKS, GRAVE, WARM]))
    ),
    max_size=15,
)


@given(STEPS)
def test_every_trouble_is_in_exactly_one_group_and_every_because_in_the_same(steps):
    story, now_s = Story(), 0.0
    told = set()
    for wait_s, troubles in steps:
        now_s += wait_s
        for change in story.at(now_s, **troubles):
            assert (change.kind == "opened") == (change.incident.incident not in told)
            told.add(change.incident.incident)
        placed = [subject for group in story.book.groups for subject in group.members]
        assert len(placed) == len(set(placed))
        assert set(troubles) <= set(placed)
        for group in story.book.groups:
            assert group.root in group.members
            assert group.members[group.root].because == ""
            assert all(one.because in {"", *group.members} for one in group.members.values())
            assert group.told == bool(group.incident)
