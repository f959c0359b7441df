"""An even pace."""

from __future__ import annotations

import pytest

from ops.pace import Pace


@pytest.mark.parametrize(("rate", "page"), [(1, 1), (4, 1), (200, 50), (400, 100), (10_000, 100)])
def test_a_page_is_a_part_of_a_second_and_bounded(rate: int, page: int) -> None:
    assert Pace(rate, lambda: 0.0, lambda _: None).page == page


def test_the_rest_of_the_time_is_waited_for() -> None:
    now, naps = [100.0], list[float]()

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        now[0] += seconds

    pace = Pace(100, lambda: now[0], sleep)
    now[0] += 0.2
    pace.keep(50)
    now[0] += 0.7
    pace.keep(50)
    pace.keep(10)
    assert naps == [pytest.approx(0.3), pytest.approx(0.1)]
