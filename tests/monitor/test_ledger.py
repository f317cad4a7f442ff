import pytest

from actors.monitor.emergency import Emergency
from actors.monitor.incidents import Incident, Symptom
from actors.monitor.ledger import Ledger, Standing


@pytest.fixture
def ledger(tmp_path):
    made = Ledger(tmp_path)
    yield made
    made.close()


def incident(number, root="db"):
    member = Symptom(subject=root, since_s=5.0, news_s=5.0, what="down")
    return Incident(incident=f"n{number}", root=root, opened_s=5.0, members={root: member}, told=True)


def test_open_and_closed_incidents_are_found_again(ledger, tmp_path):
    assert (ledger.number(), ledger.open(), ledger.closed(9)) == (0, [], [])
    ledger.put(incident(1))
    ledger.put(incident(2))
    ledger.put(incident(1), closed=50.0, why="everything is well")
    again = Ledger(tmp_path)
    assert again.number() == 2
    assert again.open() == [incident(2)]
    ((found),) = again.closed(9)
    assert (found.incident, found.at, found.why) == (incident(1), 50.0, "everything is well")
    again.close()


def test_the_newest_closed_ones_come_first_and_old_ones_are_forgotten_but_for_the_last_number(ledger):
    for number in (1, 2, 3):
        ledger.put(incident(number), closed=10.0 * number, why="well")
    assert [one.incident.incident for one in ledger.closed(2)] == ["n3", "n2"]
    ledger.forget(99.0)
    assert [one.incident.incident for one in ledger.closed(9)] == ["n3"]
    assert ledger.number() == 3


def test_how_the_emergency_stood_is_found_again(ledger):
    assert ledger.standing() == Standing()
    standing = Standing(
        emergency=Emergency(phase="declared", since_s=3.0, places=("a", "b"), shed=("batch",)),
        owed=("batch",),
        incident="n4",
    )
    ledger.put_standing(standing)
    assert ledger.standing() == standing
