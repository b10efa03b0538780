"""Which statement is proved of a problem if none is asked for."""

import pytest

import certflow as cf
from certflow.theorems.registry import default_statement

GIVEN = {1: [[1, 0], [0, 1]]}


@pytest.mark.parametrize(
    ("network", "statement"),
    [
        (cf.TwoLayer(2, 2), "early-direction-power-1"),
        (cf.TwoLayer(2, 2, alpha=-1), "early-direction-power-1"),
        (cf.FeedForward([2, 2, 2, 1], trained=[2, 3], given=GIVEN), "early-direction-power-1"),
        (cf.FeedForward([2, 2, 2, 1], trained=[1, 2], given={3: [[1, 1]]}), "early-direction-power-1"),
        (cf.Expression(["v", "w"], ["x1", "x2"], "v*abs(w)*x1"), "early-direction-power-1"),
        (cf.TwoLayer(2, 2, alpha=1), "early-direction"),
        (cf.TwoLayer(2, 2, power=2), "early-direction"),
        (cf.OneLayer(2, 2, power=2), "early-direction"),
        (cf.FeedForward([2, 2, 2, 1]), "early-direction"),
        (cf.Expression(["v", "w"], ["x1", "x2"], "v**2*x1 - w**2*x2"), "early-direction"),
    ],
)
def test_the_gradient_of_the_network_decides(network, statement):
    assert default_statement(cf.Problem(network, [[1, 2], [3, 4]], [1, 2], seed=1)) == statement
