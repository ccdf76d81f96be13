"""How far a stream is done."""

from hypothesis import given
from hypothesis import strategies as st

from twinline.network.progress import Progress


@given(st.permutations(range(3, 12)), st.integers(0, 9))
def test_everything_up_to_the_mark_is_finished_and_the_next_is_not(order: list[int], finished: int) -> None:
    progress = Progress(2)
    for sequence in range(3, 12):
        progress.enter(sequence)
    for sequence in order[:finished]:
        progress.finish(sequence)
    unfinished = order[finished:]
    assert progress.done == min(unfinished, default=12) - 1
