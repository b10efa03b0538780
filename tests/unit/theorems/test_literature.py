"""Which theorem of the literature applies to a problem, and why."""

from fractions import Fraction

import pytest

from certflow.losses import Loss
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput
from certflow.problem import Problem
from certflow.theorems.literature import Structure, classify, structure_of

RELU, SQUARED, LEAKY, LINEAR = (
    Activation(*a) for a in ((Fraction(0), 1), (Fraction(0), 2), (Fraction(1, 3), 1), (Fraction(1), 1))
)
ABSOLUTE = Activation(Fraction(-1), 1)


def expression(text):
    return Expression(["u1", "u2", "u3"], ["x1"], text)


def custom_loss():
    return Loss("custom", residual=lambda ar, out, y: y - out, curvature=Fraction(1), at_zero=lambda y: y)


@pytest.mark.parametrize(
    ("network", "smoothness", "theorem", "reason"),
    [
        (OneLayer(2, 20, SQUARED), "C^{1,1}", "[KH24] Corollary 5.4.1", "block by block"),
        (OneLayer(2, 1, SQUARED), "C^{1,1}", "[KH24] Theorem 5.1", "order 2"),
        (TwoLayer(2, 3, RELU), "locally Lipschitz", "[KH24] Corollary 5.4.1", "does not branch"),
        (
            FeedForward([2, 3, 3, 1], RELU, [1, 2], {3: [[1, -1, 2]]}),
            "locally Lipschitz",
            "[KH24] Theorem 5.1",
            "does not branch",
        ),
        (TwoLayer(2, 3, SQUARED), "C^{1,1}", "[KH25a]", "order 3"),
        (FeedForward([3, 4, 4, 1], SQUARED), "C^{1,1}", "[KH25a]", "order 7"),
        (FeedForward([3, 4, 4, 1], Activation(Fraction(0), 3)), "C^{2,1}", "[KH25a]", "order 13"),
        (FeedForward([3, 4, 4, 1], RELU), "locally Lipschitz", None, "needs a locally Lipschitz gradient"),
        (FeedForward([3, 4, 4, 1], LEAKY), "locally Lipschitz", None, "jump at kinks"),
        (FeedForward([3, 4, 4, 1], LINEAR), "C^infinity", "[KH25a]", "C^infinity"),
        (FeedForward([3, 4, 1], Activation(Fraction(-1), 2)), "C^infinity", "[KH25a]", "order 3"),
        (FeedForward([3, 4, 1], ABSOLUTE), "locally Lipschitz", "[KH24] Corollary 5.4.1", "order 2"),
        (OneLayer(2, 2, RELU), "locally Lipschitz", None, "order 1"),
        (FeedForward([3, 4, 1], RELU, [2], {1: [[1, 2, 3]] * 4}), "C^infinity", None, "order 1"),
        (expression("u1*abs(u2)*x1 + u3*u1"), "locally Lipschitz", "[KH24] Theorem 5.1", "does not branch"),
        (expression("exp(x1)*(u1 + u3)*u2"), "C^infinity", "[KH24] Theorem 5.1", "definable"),
        (expression("u1*abs(u1) + relu(u2 - u3)**2"), "C^{1,1}", "[KH24] Corollary 5.4.1", "C^{1,1}"),
        (expression("u1**3/u2 + u3**2"), "not known", None, "denominator or under a root"),
        (expression("exp(u1/u2)*u3*u2"), "not known", None, "not known here because a function such as exp"),
        (expression("abs(u1)**3*u2"), "C^{2,1}", "[KH25a]", "order 4"),
        (expression("sqrt(abs(u1))**5"), "not known", None, "root"),
    ],
)
def test_smoothness_and_theorem(network, smoothness, theorem, reason):
    found = structure_of(network, Loss())
    assert (found.smoothness, found.theorem) == (smoothness, theorem)
    assert reason in found.reason
    assert found.reason.endswith(".") and (theorem is not None) == ("applies" in found.reason)
    assert found.blocks == network.blocks and found.separable == network.separable
    assert found.order == found.homogeneity.order
    assert found.definable is (None if "exp(u1" in getattr(network, "output", "") else True)
    for line in (f"Smoothness in the weights: {smoothness}", f"Theorem: {theorem or 'none'}", found.reason):
        assert line in found.text()


def test_losses_of_the_literature_only():
    network = OneLayer(2, 1, SQUARED)
    assert "logistic loss" in structure_of(network, Loss("logistic")).reason
    found = structure_of(network, custom_loss())
    assert found.theorem is None and "square and the logistic loss only" in found.reason


def test_of_the_figure_1_problem():
    found = classify(Problem.figure1())
    assert isinstance(found, Structure)
    assert (found.order, len(found.blocks), found.theorem) == (2, 20, "[KH24] Corollary 5.4.1")
    assert "20 blocks of 2 weights" in found.text()


def test_networks_that_are_not_homogeneous_are_refused():
    with pytest.raises(BadInput, match="no order of homogeneity"):
        structure_of(expression("u1*u2 + u3"), Loss())
