from actors.healer.strange import KEPT_MAX, SUBJECTS_MAX, WITHIN_S, Strange


def test_the_newest_pieces_of_the_last_minutes_are_kept():
    strange = Strange()
    for at_s in range(5):
        strange.note("api", f"at {at_s}", float(at_s))
    assert strange.of("api", 4.0) == ("at 2", "at 3", "at 4")
    assert len(strange.of("api", 4.0)) == KEPT_MAX
    assert strange.of("api", 3.0 + WITHIN_S) == ("at 3", "at 4")
    assert strange.of("api", 5.0 + WITHIN_S) == ()
    assert strange.of("web", 4.0) == ()


def test_the_subject_that_was_quiet_for_longest_gives_way():
    strange = Strange()
    for number in range(SUBJECTS_MAX):
        strange.note(f"w{number}", "odd", 0.0)
    strange.note("w0", "odd again", 1.0)
    strange.note("one more", "odd", 1.0)
    assert strange.of("w0", 1.0) == ("odd", "odd again")
    assert strange.of("w1", 1.0) == ()
