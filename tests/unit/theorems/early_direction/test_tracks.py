"""What is said of a track."""

from fractions import Fraction as F

import pytest

from certflow.flow.enclose.tube import Rates, Step, Track
from certflow.theorems.early_direction.tracks import parting


def track(*rates):
    """Steps of the length 2 with these rates."""
    steps = [
        Step(F(2 * k + 2), F(0), Rates(mu, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0), 0.0, 0.0)
        for k, mu in enumerate(rates)
    ]
    return Track(tuple(steps), steps[0].rates, 0.0, 0.0, (0.0, 0.0))


@pytest.mark.parametrize(
    ("rates", "factor"),
    [
        ((1.0, 2.0), None),
        ((9.0, 2.0, 4.0), "1e13"),
        # Only what has not come together again by the end counts.
        ((20.0, -30.0, 9.0), None),
        ((-30.0, 10.1), "1e9"),
        ((9.0, 2.0, -1.0), None),
    ],
)
def test_how_far_flows_have_parted_by_the_end(rates, factor):
    found = parting(track(*rates))
    assert (factor in found and "saddle" in found) if factor else found == ""
