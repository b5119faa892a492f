"""What few cases leave open."""

import pytest

from pneumobench.core.few import FEW, WANTED, is_few, largest_unseen
from pneumobench.statistics.intervals import wilson


@pytest.mark.parametrize("cases", [1, 5, 30, 100, 4000])
def test_what_goes_unseen_is_the_upper_bound_of_none_of_so_many(cases):
    assert largest_unseen(cases) == pytest.approx(float(wilson(0, cases, 0.95)[1]))


def test_the_smaller_class_decides():
    assert is_few(1000, FEW - 1) and not is_few(FEW, FEW)
    assert largest_unseen(0) == 1 and WANTED > FEW
