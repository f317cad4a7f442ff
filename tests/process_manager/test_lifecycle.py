import pytest

from actors.process_manager.lifecycle import DOWN, EVENTS, MOVES, UP, ImpossibleMove, next_state

# Rows are states, columns events; a dot cannot happen.
GRID = """
             spawn     wait     adopt    run      pass   sicken     again     later        leave   loop        stop      hold  vanish
stopped      starting  waiting  adopted  .        .      .          .         .            exited  crash_loop  stopped   held  .
waiting      starting  waiting  .        .        .      .          .         .            .       .           stopped   held  .
starting     .         waiting  .        running  ready  unhealthy  starting  backing_off  exited  crash_loop  stopping  .     .
adopted      .         waiting  .        running  ready  unhealthy  starting  backing_off  exited  crash_loop  stopping  .     .
running      .         waiting  .        running  ready  unhealthy  starting  backing_off  exited  crash_loop  stopping  .     .
ready        .         waiting  .        running  ready  unhealthy  starting  backing_off  exited  crash_loop  stopping  .     .
unhealthy    .         waiting  .        running  ready  unhealthy  starting  backing_off  exited  crash_loop  stopping  .     .
stopping     .         .        .        .        .      .          .         .            .       .           stopping  .     stopped
backing_off  starting  waiting  .        .        .      .          .         .            .       .           stopped   held  .
exited       starting  waiting  .        .        .      .          .         .            .       .           stopped   held  .
crash_loop   starting  waiting  .        .        .      .          .         .            .       .           stopped   held  .
held         starting  waiting  adopted  .        .      .          .         .            .       .           stopped   held  .
"""  # noqa: E501
HEAD, *ROWS = [line.split() for line in GRID.strip().splitlines()]
CELLS = [(state, event, after) for state, *cells in ROWS for event, after in zip(HEAD, cells, strict=True)]


@pytest.mark.parametrize(("state", "event", "after"), CELLS)
def test_each_cell_of_the_table_moves_as_it_says(state, event, after):
    if after == ".":
        with pytest.raises(ImpossibleMove, match=f"{event} while {state}"):
            next_state(state, event)
    else:
        assert next_state(state, event) == after


def test_the_grid_has_every_state_and_event():
    assert tuple(HEAD) == EVENTS
    assert {state for state, *_ in ROWS} == set(MOVES)


def test_every_state_is_up_or_down_or_stopping():
    assert UP | DOWN | {"stopping"} == set(MOVES)
    assert not UP & DOWN


def test_from_every_state_a_stop_leads_down():
    for state in MOVES:
        after = next_state(state, "stop")
        assert after == "stopped" or next_state(after, "vanish") == "stopped"
