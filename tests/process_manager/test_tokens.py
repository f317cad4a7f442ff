from hypothesis import given
from hypothesis import strategies as st

from actors.process_manager.tokens import is_ours, issue, new_secret


def test_a_token_is_known_as_ours_by_the_secret_alone():
    secret = new_secret()
    token = issue(secret, "web", 7)
    assert is_ours(secret, token, "web", "7")


def test_a_token_is_of_one_workload_one_incarnation_and_one_store():
    secret = new_secret()
    token = issue(secret, "web", 7)
    assert not is_ours(secret, token, "db", "7")
    assert not is_ours(secret, token, "web", "8")
    assert not is_ours(new_secret(), token, "web", "7")


def test_no_two_tokens_are_alike():
    secret = new_secret()
    assert len({issue(secret, "web", 7) for _ in range(1000)}) == 1000


@given(st.text(max_size=60), st.text(max_size=10), st.text(max_size=5))
def test_nobody_can_make_one_up(token, workload, incarnation):
    assert not is_ours(b"k" * 32, token, workload, incarnation)
