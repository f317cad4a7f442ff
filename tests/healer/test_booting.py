import pytest

from actors.healer.booting import Booting

GRACE_S = 5.0


@pytest.fixture
def booting():
    made = Booting()
    made.began("api", 100.0)
    return made


def excuses(booting, at_s=100.3, probe="work", detail="Connection refused"):
    return booting.excuses("api", probe, detail, at_s, GRACE_S)


@pytest.mark.parametrize("detail", ["Connection refused", "no answer within 0.5 s", "Connection reset by peer"])
def test_nobody_answers_yet_and_that_is_no_symptom(booting, detail):
    assert excuses(booting, detail=detail)
    assert booting.excused("api")
    assert not booting.excused("web")


def test_a_wrong_answer_counts_at_once(booting):
    assert not excuses(booting, detail="status 500: Internal Server Error")
    assert not booting.excused("api")


def test_after_the_grace_silence_counts(booting):
    assert not excuses(booting, at_s=105.0)


def test_once_it_passed_in_this_life_silence_counts(booting):
    booting.passed("api", "work")
    assert not excuses(booting)
    booting.ended("api")
    booting.began("api", 101.0)
    assert excuses(booting, at_s=101.2)


@pytest.mark.parametrize("probe", ["startup", "readiness"])
def test_other_probes_have_a_patience_of_their_own(booting, probe):
    assert not excuses(booting, probe=probe)


def test_a_process_whose_start_was_not_seen_is_not_starting():
    assert not excuses(Booting())


def test_no_grace_excuses_nothing(booting):
    assert not booting.excuses("api", "work", "Connection refused", 100.0, 0.0)


def test_what_was_excused_counts_once_when_the_grace_is_over(booting):
    assert excuses(booting)
    assert not booting.is_due("api", "work", 104.9, GRACE_S)
    assert booting.is_due("api", "work", 105.0, GRACE_S)
    assert not booting.is_due("api", "work", 106.0, GRACE_S)


def test_what_passed_meanwhile_is_never_due(booting):
    assert excuses(booting)
    booting.passed("api", "work")
    assert not booting.excused("api")
    assert not booting.is_due("api", "work", 106.0, GRACE_S)
