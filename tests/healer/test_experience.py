import random
import sqlite3

import msgspec
import pytest

from actors.clock import ManualClock
from actors.healer.experience import Experience
from actors.healer.learned import Learned, open_learned
from actors.healer.lore import Lore, Omen, joined, news, split
from actors.healer.rulebook import Rulebook
from actors.healer.settings import LearningSettings
from actors.healer.summary import report
from actors.settings import Seconds
from tests.healer.fakes import hook, workload
from tests.healer.test_plans import BOOK, an_issue

API = workload(hooks={"bad": hook(), "good": hook()}, heal={"crash_loop": ["hook:bad", "hook:good"]})


class Node:
    """What one node learnt, over incarnations."""

    def __init__(self, folder, name="alpha"):
        self.folder, self.name, self.clock, self.seed = folder, name, ManualClock(), 0
        self.learned = None
        self.begin()

    def close(self):
        if self.learned is not None:
            self.learned.close()

    def begin(self, **settings):
        self.close()
        self.learned = Learned(self.folder / f"{self.name}.db")
        self.at = Experience(
            self.learned,
            LearningSettings(**settings),
            BOOK,
            origin=self.name,
            clock=self.clock,
            chance=random.Random(self.seed),
        )

    def fault(self, issue=None, works="hook:good"):
        """One issue from its first symptom to its end; the remedies that were tried."""
        issue = issue or looped()
        self.at.raised(issue)
        tried = []
        while works not in tried:
            name = self.at.plan(issue, API).remedies[issue.step]
            tried.append(name)
            self.clock.advance(1.0)
            self.at.ended(issue, name, "verified" if name == works else "failed", 1.0)
            issue = msgspec.structs.replace(issue, step=issue.step + 1, state="open")
        self.at.over(issue, helped=True)
        self.clock.advance(1000.0)
        return tried


def looped(**fields):
    return msgspec.structs.replace(an_issue("crash_loop"), **fields)


@pytest.fixture
def nodes(tmp_path):
    made = []

    def make(name="alpha"):
        made.append(Node(tmp_path, name))
        return made[-1]

    yield make
    for node in made:
        node.close()


def test_the_remedy_that_works_is_first_the_next_time_and_after_a_restart(nodes):
    node = nodes()
    assert node.fault() == ["hook:bad", "hook:good"]
    assert node.fault() == ["hook:good"]
    node.begin()
    assert node.fault() == ["hook:good"]
    lessons = node.learned.lessons(10)
    assert [lesson.text for lesson in lessons] == ["hook:good is tried first from now on against: exited"]


def test_an_order_that_is_learnt_can_be_unlearnt(nodes):
    node = nodes()
    node.fault()
    node.fault(works="hook:bad")
    assert node.fault(works="hook:bad")[0] == "hook:bad"


def test_with_learning_off_the_plan_is_tried_in_its_order_and_outcomes_are_kept_all_the_same(nodes):
    node = nodes()
    node.begin(enabled=False)
    assert node.fault() == node.fault() == ["hook:bad", "hook:good"]
    assert node.at.own("f")["hook:good"].verified == 2


def test_a_plan_does_not_change_under_an_issue_that_is_being_healed(nodes):
    node = nodes()
    issue = looped()
    before = node.at.plan(issue, API).remedies
    node.at.ended(issue, "hook:bad", "failed", 1.0)
    node.clock.advance(1.0)
    node.at.ended(issue, "hook:good", "verified", 1.0)
    assert node.at.plan(issue, API).remedies == before
    node.begin()
    assert node.at.plan(msgspec.structs.replace(issue, state="healing", step=1), API).remedies == before
    assert node.at.plan(msgspec.structs.replace(issue, rounds=1), API).remedies[0] == "hook:good"


def test_when_what_decides_changes_the_remedies_that_were_tried_stay_where_they_are(nodes):
    node = nodes()
    issue = looped()
    node.at.plan(issue, API)
    other = workload(hooks=API.spec.hooks, heal={"crash_loop": ["restart", "hook:bad", "hook:good"]})
    assert node.at.plan(msgspec.structs.replace(issue, step=1), other).remedies == ("hook:bad", "restart", "hook:good")


def test_what_helped_and_is_back_soon_is_told_and_counts_against_it(nodes):
    node = nodes()
    issue = looped()
    node.at.ended(issue, "hook:bad", "verified", 1.0)
    node.clock.advance(5.0)
    assert node.at.raised(issue) == [("returned", "hook:bad helped 5 s ago, and it is back")]
    assert node.at.own("f")["hook:bad"].returned == 1
    assert node.at.raised(issue) == []


def test_what_comes_back_late_is_a_new_fault(nodes):
    node = nodes()
    node.at.ended(looped(), "hook:bad", "verified", 1.0)
    node.clock.advance(601.0)
    assert node.at.raised(looped()) == []


def test_a_persons_remedy_is_tried_first_though_the_plan_does_not_have_it_until_it_fails(nodes):
    node = nodes()
    node.at.fixed(looped(), "signal:HUP", "signal:HUP")
    again = looped(issue="i2")
    assert node.at.raised(again) == [("known", "a person fixed it before (i1): signal:HUP; tried first")]
    assert node.at.plan(again, API).remedies == ("signal:HUP", "hook:bad", "hook:good")
    node.clock.advance(1.0)
    node.at.ended(again, "signal:HUP", "failed", 1.0)
    assert node.at.plan(looped(issue="i3"), API).remedies == ("hook:bad", "hook:good")
    assert node.at.raised(looped(issue="i3")) == [("known", "a person fixed it before (i1): signal:HUP")]


def test_a_persons_words_are_told_the_next_time_and_over_a_restart(nodes):
    node = nodes()
    node.at.fixed(looped(), "made room", "")
    node.begin()
    assert node.at.raised(looped(issue="i2")) == [("known", "a person fixed it before (i1): made room")]


def test_what_was_done_by_hand_is_the_fix_when_nothing_else_helped(nodes):
    node = nodes()
    issue = looped()
    node.at.hand(issue, "restart, asked on the command line", "restart")
    node.begin()
    node.at.over(issue, helped=False)
    fix = node.at.known_fix(issue)
    assert (fix.text, fix.remedy, fix.how) == ("restart, asked on the command line", "restart", "seen")
    assert node.at.plan(looped(issue="i2"), API).remedies[0] == "restart"


def test_a_restart_after_a_changed_config_is_not_taken_for_the_remedy(nodes):
    node = nodes()
    node.at.hand(looped(), "config: env changed", "")
    node.at.hand(looped(), "restart, asked", "restart")
    node.at.over(looped(), helped=False)
    fix = node.at.known_fix(looped())
    assert (fix.text, fix.remedy) == ("config: env changed; restart, asked", "")


def test_what_was_done_by_hand_gets_no_credit_for_what_a_remedy_did(nodes):
    node = nodes()
    node.at.hand(looped(), "restart, asked", "restart")
    node.at.over(looped(), helped=True)
    node.at.over(looped(), helped=False)
    assert node.at.known_fix(looped()) is None


def test_a_fix_is_known_for_the_same_failure_of_the_same_workload_though_its_words_differ(nodes):
    node = nodes()
    node.at.fixed(looped(failure="disk"), "made room", "")
    assert node.at.known_fix(looped(failure="disk", fingerprint="other"))
    assert node.at.known_fix(looped(failure="disk", fingerprint="other", subject="web")) is None
    assert node.at.known_fix(looped(fingerprint="other")) is None


def test_outcomes_of_a_class_are_known_to_other_workloads_but_not_those_of_hooks(nodes):
    node = nodes()
    node.at.ended(looped(failure="disk"), "clean_up", "failed", 1.0)
    node.at.ended(looped(failure="disk"), "hook:bad", "failed", 1.0)
    plan = workload("web", heal={"crash_loop": ["clean_up", "restart"]}, hooks=API.spec.hooks)
    web = looped(issue="i2", subject="web", fingerprint="g", failure="disk")
    assert node.at.plan(web, plan).remedies == ("restart", "clean_up")
    assert node.at.plan(msgspec.structs.replace(web, issue="i3"), API).remedies == ("hook:bad", "hook:good")


def test_another_node_takes_over_what_was_learnt_and_the_same_again_changes_nothing(nodes):
    node, other = nodes(), nodes("beta")
    node.fault()
    node.at.fixed(looped(), "made room", "")
    lore = joined(split(node.learned.lore(), 1))
    new = other.at.take_over(lore)
    assert (len(new.outcomes), len(new.fixes)) == (2, 1)
    assert other.fault() == ["hook:good"]
    assert other.at.take_over(lore) == Lore()
    other.begin()
    assert other.at.own("f")["hook:good"].verified == 2


def test_of_two_versions_of_a_row_the_one_with_more_in_it_is_kept(nodes):
    node = nodes()
    node.fault()
    before = node.learned.lore()
    node.fault()
    after = node.learned.lore()
    assert news(after, before) == Lore()
    assert [row.remedy for row in news(before, after).outcomes] == ["hook:good"]
    assert len(news(Lore(), Lore(outcomes=[*before.outcomes, *after.outcomes])).outcomes) == 2


def test_the_summary_counts_by_failure_kind_and_remedy(nodes):
    node = nodes()
    node.fault()
    node.at.fixed(looped(), "made room", "")
    found = report(node.learned.lore(), node.learned.lessons(5), 5)
    assert (found.total.verified, found.total.failed, found.success_rate, found.total.mean_s) == (1, 1, 0.5, 1.0)
    assert [(row.name, row.verified) for row in found.by_remedy] == [("hook:bad", 0), ("hook:good", 1)]
    assert [row.text for row in found.fixes] == ["made room"]
    assert len(found.lessons) == 2
    assert report(Lore(), [], 5).success_rate is None


def test_only_the_newest_lessons_are_kept(nodes):
    node = nodes()
    with node.learned.transaction():
        for number in range(1010):
            node.learned.teach(float(number), "api", str(number))
    assert len(node.learned.lessons(5000)) == 1000


def test_what_is_written_together_is_written_as_a_whole(nodes):
    node = nodes()

    def fail_half_way():
        with node.learned.transaction():
            node.learned.teach(1.0, "api", "x")
            node.learned._connection.execute("nonsense")

    with pytest.raises(sqlite3.Error):
        fail_half_way()
    assert node.learned.lessons(5) == []


def test_a_file_that_cannot_be_read_is_put_aside_and_learning_begins_anew(tmp_path):
    path = tmp_path / "learned.db"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    learned, aside = open_learned(path)
    assert (learned.lore(), aside) == (Lore(), str(tmp_path / "learned.broken"))
    learned.close()
    assert (tmp_path / "learned.broken").read_bytes().startswith(b"SQLite")
    learned, aside = open_learned(path)
    learned.close()
    assert aside == ""


def test_a_row_that_means_nothing_is_no_reason_to_stop(tmp_path):
    learned, _ = open_learned(tmp_path / "learned.db")
    learned._connection.execute("INSERT INTO omens (origin, subject, sign, fingerprint, seen) VALUES (1, 2, 3, 4, 'x')")
    learned.close()
    learned, aside = open_learned(tmp_path / "learned.db")
    learned.close()
    assert aside


def test_of_very_much_the_oldest_is_forgotten(nodes):
    node = nodes()
    rows = [Omen(origin="alpha", subject="api", sign=str(number), seen=1, last_at=number) for number in range(10_050)]
    with node.learned.transaction():
        node.learned.keep_omens(rows)
    node.learned.forget()
    kept = node.learned.lore().omens
    assert len(kept) == 10_000
    assert kept[0].sign == "50"


def test_settings_of_learning_have_defaults():
    assert LearningSettings() == LearningSettings(enabled=True, returns_within=Seconds(600))
    assert isinstance(BOOK, Rulebook)
