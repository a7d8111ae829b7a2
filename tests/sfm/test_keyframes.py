"""Which frames of a long film are mapped first."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from roomsplat.sfm.keyframes import MIN_SHARE, MIN_SHARED, choose_keyframes

MATCHES = st.dictionaries(
    st.tuples(st.integers(0, 40), st.integers(1, 8)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    st.integers(0, 400),
)


@given(st.integers(1, 45), MATCHES, st.integers(1, 8))
def test_keyframes_run_from_end_to_end_and_hold_together(
    count: int, matches: dict[tuple[int, int], int], reach: int
) -> None:
    """They begin at 0, end with the last frame, keep within reach, and leave out only where enough is shared."""
    chosen = choose_keyframes(count, matches, reach)
    assert chosen[0] == 0
    assert chosen[-1] == count - 1
    for first, second in pairwise(chosen):
        assert first < second <= first + reach or second == first + 1
        if second > first + 1:
            shared = matches[first, second]
            assert shared >= MIN_SHARED
            assert shared >= MIN_SHARE * matches.get((first, first + 1), 0)


def test_a_slow_camera_has_few_keyframes_and_a_fast_one_many() -> None:
    """Where matches fade slowly every sixth frame, where they fade at once every one."""
    slow = {(i, i + s): 400 - 10 * s for i in range(60) for s in range(1, 7)}
    fast = {(i, i + s): 400 // 3 ** (s - 1) for i in range(60) for s in range(1, 7)}
    assert choose_keyframes(60, slow, 6) == [*range(0, 60, 6), 59]
    assert choose_keyframes(60, fast, 6) == list(range(60))
