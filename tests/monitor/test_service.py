import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.service import Service


def probed(service, now_s, *, ok=True, probe="liveness", latency_s=0.1):
    service.probed(probe, ok=ok, latency_s=latency_s, detail="" if ok else "refused", now_s=now_s)


def test_nothing_is_known_before_it_was_seen():
    service = Service(300.0)
    assert service.availability(5.0) is None
    assert service.take_latency() is None


def test_up_without_probes_is_available_all_the_time():
    service = Service(300.0)
    service.stand("up", 0.0)
    assert service.availability(10.0) == 100.0


def test_availability_is_the_share_of_good_probe_runs_while_it_is_up():
    service = Service(300.0)
    service.stand("up", 0.0)
    for at_s in range(10):
        probed(service, float(at_s), ok=at_s != 3)
    assert service.availability(10.0) == pytest.approx(90.0)


def test_the_many_questions_to_one_on_its_way_up_do_not_count_its_time_does():
    service = Service(300.0)
    service.stand("up", 0.0)
    service.stand("down", 90.0)
    for turn in range(200):
        probed(service, 90.0 + turn / 20, ok=False, probe="readiness")
    service.stand("up", 100.0)
    probed(service, 100.0, probe="readiness")
    assert service.availability(100.0) == pytest.approx(90.0)


def test_time_down_counts_as_not_available():
    service = Service(300.0)
    service.stand("up", 0.0)
    service.stand("down", 30.0)
    service.stand("up", 40.0)
    assert service.availability(100.0) == pytest.approx(90.0)


def test_time_in_which_it_was_not_wanted_counts_neither_way():
    service = Service(300.0)
    service.stand("up", 0.0)
    service.stand("unseen", 10.0)
    service.stand("up", 90.0)
    assert service.availability(100.0) == 100.0
    service.stand("unseen", 100.0)
    assert service.availability(1000.0) is None


def test_what_is_older_than_the_window_is_forgotten():
    service = Service(100.0)
    service.stand("down", 0.0)
    service.stand("up", 50.0)
    probed(service, 60.0, ok=False)
    assert service.availability(100.0) == 0.0
    probed(service, 110.0)
    probed(service, 120.0, ok=False)
    assert service.availability(140.0) == pytest.approx(90.0 * 1 / 3)
    assert service.availability(165.0) == pytest.approx(50.0)


def test_the_startup_probe_says_nothing_of_the_service():
    service = Service(300.0)
    service.stand("up", 0.0)
    probed(service, 1.0, ok=False, probe="startup")
    assert service.availability(10.0) == 100.0
    probed(service, 2.0, probe="startup")
    assert service.take_latency() is None


def test_latency_is_the_mean_of_good_answers_since_it_was_last_taken():
    service = Service(300.0)
    probed(service, 1.0, latency_s=0.1)
    probed(service, 2.0, latency_s=0.3)
    probed(service, 3.0, latency_s=9.0, ok=False)
    assert service.take_latency() == pytest.approx(0.2)
    assert service.take_latency() is None


def test_a_probe_fails_when_it_did_so_as_often_in_a_row_as_allowed():
    service = Service(300.0)
    allowed = {"liveness": 3}
    probed(service, 1.0, ok=False)
    probed(service, 2.0, ok=False)
    assert service.failing(allowed) == {}
    probed(service, 3.0, ok=False)
    assert service.failing(allowed) == {"liveness": "refused"}
    probed(service, 4.0)
    assert service.failing(allowed) == {}
    probed(service, 5.0, ok=False, probe="work")
    assert service.failing(allowed) == {"work": "refused"}


def test_a_new_life_forgets_failing_probes_and_keeps_the_availability():
    service = Service(300.0)
    service.stand("up", 0.0)
    probed(service, 1.0, ok=False)
    service.reborn()
    assert service.failing({}) == {}
    assert service.availability(10.0) == 0.0


events = st.tuples(st.floats(0, 50), st.sampled_from(["up", "down", "unseen"]), st.lists(st.booleans(), max_size=3))


@given(st.lists(events, max_size=40))
def test_availability_is_a_percentage_and_the_record_stays_bounded(steps):
    service, now_s = Service(100.0), 0.0
    for gap_s, standing, answers in steps:
        now_s += gap_s
        service.stand(standing, now_s)
        for ok in answers:
            probed(service, now_s, ok=ok)
        availability = service.availability(now_s)
        assert availability is None or 0.0 <= availability <= 100.0 + 1e-9
    assert len(service._spans) <= len(steps) + 1
    assert all(to_s > now_s - 100.0 for _, to_s, _ in service._spans)
