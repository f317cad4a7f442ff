from actors.reconciler.actions import CLOSES, commands, copies_due_s, words
from actors.reconciler.book import Book, Drift
from actors.reconciler.diff import Difference
from actors.reconciler.settings import ReconcilerSettings
from bus.messages import EndStrays, RestartProcess, StartProcess, StopProcess


def difference(kind, subject="web", **more):
    return Difference(subject=subject, kind=kind, desired="this", observed="that", **more)


def opened(changes):
    return [drift.key for drift in changes.opened]


def test_a_drift_is_told_once_however_often_it_is_seen():
    book = Book(1.0)
    assert opened(book.see([difference("vanished")], 0.0)) == [("web", "vanished")]
    assert opened(book.see([difference("vanished")], 1.0)) == []
    assert len(book.open()) == 1


def test_a_drift_is_closed_by_a_look_that_does_not_show_it_and_says_how_long_it_was():
    book = Book(1.0)
    book.see([difference("vanished")], 10.0)
    changes = book.see([], 12.5)
    assert [(one.subject, one.kind, one.took_s) for one in changes.closed] == [("web", "vanished", 2.5)]
    assert (changes.converged, changes.closed_run, book.closed_total) == (True, 1, 1)


def test_it_converges_when_the_last_of_several_is_gone_and_counts_them_all():
    book = Book(1.0)
    book.see([difference("vanished", "a"), difference("vanished", "b")], 0.0)
    assert not book.see([difference("vanished", "b")], 1.0).converged
    last = book.see([], 2.0)
    assert (last.converged, last.closed_run) == (True, 2)
    assert not book.see([], 3.0).converged


def test_what_is_settling_opens_nothing_and_closes_nothing():
    book = Book(1.0)
    assert opened(book.see([difference("vanished", settling=True)], 0.0)) == []
    assert book.open() == []
    book.see([difference("vanished")], 1.0)
    assert book.see([difference("vanished", settling=True)], 2.0).closed == []
    assert len(book.open()) == 1


def test_a_stray_counts_when_the_same_pid_is_seen_again_a_second_later():
    book = Book(1.0)
    assert opened(book.see([difference("stray", pids=(7,))], 0.0)) == []
    assert book.confirm_due_s() == 1.0
    assert opened(book.see([difference("stray", pids=(7,))], 0.5)) == []
    assert opened(book.see([difference("stray", pids=(7,))], 1.0)) == [("web", "stray")]
    assert book.confirm_due_s() is None


def test_strays_that_come_and_go_never_count():
    book = Book(1.0)
    for number in range(10):
        assert opened(book.see([difference("stray", pids=(number,))], number * 0.6)) == []
    changes = book.see([], 10.0)
    assert (changes.closed, changes.converged) == ([], False)


def test_a_copy_by_hand_counts_at_once_and_each_pid_has_its_own_time():
    book = Book(1.0)
    assert opened(book.see([difference("by_hand", pids=(7,))], 0.0)) == [("web", "by_hand")]
    book.see([difference("by_hand", pids=(7, 8))], 20.0)
    (drift,) = book.open()
    assert drift.pids_seen_for(30.0, 30.0) == (7,)
    assert drift.pids_seen_for(30.0, 50.0) == (7, 8)


def followed(kind, seen_s=0.0, **more):
    one = difference(kind, **more)
    return Drift(now=one, since_s=seen_s, seen_s=dict.fromkeys(one.pids, seen_s), told=True)


SETTINGS = ReconcilerSettings()


def asked(*drifts, now_s=0.0, restart=False, settings=SETTINGS):
    return commands(drifts, settings, now_s, restart=restart)


def test_each_kind_of_drift_asks_for_its_own_action():
    assert isinstance(asked(followed("vanished"))[0], StartProcess)
    (stop,) = asked(followed("undeclared"))
    assert isinstance(stop, StopProcess)
    assert not stop.hold
    assert isinstance(asked(followed("stray", pids=(4,)))[0], EndStrays)


def test_every_action_says_why():
    drifts = [followed(kind, pids=(4,)) for kind in ("vanished", "undeclared", "wrong_revision", "stray", "by_hand")]
    assert all("drift" in command.why for command in asked(*drifts, now_s=99.0, restart=True))


def test_an_old_revision_is_restarted_when_its_turn_has_come():
    assert asked(followed("wrong_revision")) == []
    assert isinstance(asked(followed("wrong_revision"), restart=True)[0], RestartProcess)


def test_what_was_put_back_is_told_and_left_alone():
    kept = followed("wrong_revision", kept=True)
    assert asked(kept, restart=True) == []
    assert words(kept.now, SETTINGS) == ""


def test_what_is_settling_is_left_alone():
    assert asked(followed("vanished", settling=True), followed("undeclared", settling=True)) == []


def test_a_copy_by_hand_is_ended_after_its_time_and_only_when_that_is_set():
    copy = followed("by_hand", pids=(7,))
    assert asked(copy, now_s=29.9) == []
    (end,) = asked(copy, now_s=30.0)
    assert isinstance(end, EndStrays)
    assert end.by_hand == [7]
    report = ReconcilerSettings(by_hand="report")
    assert asked(copy, now_s=1000.0, settings=report) == []
    one = copy.now
    assert (words(one, report), words(one, SETTINGS)) == ("", "end the copy after 30s")


def test_strays_and_copies_are_ended_by_one_command():
    (end,) = asked(followed("stray", pids=(4,)), followed("by_hand", pids=(7,)), now_s=31.0)
    assert isinstance(end, EndStrays)
    assert end.by_hand == [7]
    (early,) = asked(followed("stray", pids=(4,)), followed("by_hand", pids=(7,)), now_s=3.0)
    assert isinstance(early, EndStrays)
    assert early.by_hand == []


def test_the_time_of_a_copy_is_known_ahead():
    copy = followed("by_hand", pids=(7,), seen_s=5.0)
    assert copies_due_s([copy, followed("vanished")], SETTINGS, 6.0) == 35.0
    assert copies_due_s([copy], SETTINGS, 35.0) is None
    assert copies_due_s([copy], ReconcilerSettings(by_hand="report"), 6.0) is None


def test_every_kind_of_drift_is_closed_by_some_verb():
    assert sorted(kind for kinds in CLOSES.values() for kind in kinds) == [
        "by_hand",
        "stray",
        "undeclared",
        "vanished",
        "wrong_revision",
    ]
