"""For how many blocks a horizon is found: few numbers of them are tried."""

import pytest

from certflow.theorems.early_direction_power_1 import prove


@pytest.mark.parametrize(("count", "most"), [(1, 1), (7, 3), (63, 1), (200, 173), (5000, 4999), (5000, 1)])
def test_the_largest_number_is_found_in_few_tries(count, most):
    tried = []

    def found(number):
        tried.append(number)
        return number if number <= most else None

    assert prove._longest(count, found) == most
    assert len(tried) == len(set(tried)) <= 64 + 7


def test_small_numbers_are_tried_one_by_one():
    assert prove._longest(63, lambda number: number if number in (5, 40) else None) == 40


def test_nothing_is_found_for_no_block():
    assert prove._longest(0, lambda number: number) is None
    assert prove._longest(300, lambda number: None) is None
