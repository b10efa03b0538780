"""A theorem about kinks states where every neuron goes, and is not told again as one about the limit flow."""

import pytest

from certflow import Activation, Inconclusive, Problem, TwoLayer, certify
from certflow.theorems.basin.prove import certified_limits, limit_flow


def test_theorems_about_kinks_are_not_told_again():
    network = TwoLayer(2, 1, Activation(0, 1))
    problem = Problem(network, [[1, 0], [1, 1]], [-2, 1], direction=["1/4", 1, "11/10"], reduction="sum")
    found = certify(problem, "1/50")
    assert found.claim.statement == "early-direction-power-1"
    for ask in (lambda: limit_flow(found), lambda: certified_limits(found, None)):
        with pytest.raises(Inconclusive, match="states the KKT point of every neuron itself"):
            ask()
