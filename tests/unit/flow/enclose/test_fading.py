"""Where neurons fade, on data of which every number is known."""

from fractions import Fraction as F

import pytest

from certflow.flow.enclose.fading import Ray, fading_neuron, prove_fading
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem


def problem(X, y, network=None, alpha=0, signs=(-1, 1), **changes):
    network = network or OneLayer(len(X[0]), len(signs), Activation(alpha, 2), list(signs))
    return Problem(network, X, y, **{"seed": 0, **changes})


def neuron(X, y, j=0, **changes):
    made = problem(X, y, **changes)
    return fading_neuron(made, made.network.blocks[j])


def test_samples_on_one_ray_are_one():
    X = [["1/2", "0"], [1, 0], [-3, 0], [0, 0], [2, 6]]
    found = neuron(X, [4, -1, 1, 9, 2])
    # omega = 1/5: (1/4 * 4 - 1)/5, with the sign of the neuron; |x|^2 s^2 with s = |x| here.
    assert found.rays == (
        Ray((1, 0), F(0), F(1, 16) + 1),
        Ray((-1, 0), F(-9, 5), F(81)),
        Ray((1, 3), F(-8, 5), F(4 * 40)),
    )
    assert (found.off, found.forcing) == (0, F(1, 5))
    assert neuron(X, [4, -1, 1, 9, 2], 1).rays[1].push == F(9, 5)


@pytest.mark.parametrize(
    ("loss", "reduction", "forcing"),
    [("square", "sum", F(3)), ("square", "mean", F(3, 2)), ("logistic", "mean", F(3, 4))],
)
def test_residuals_move_with_the_loss_and_the_largest_output_weight(loss, reduction, forcing):
    given = {1: [[1, 0], [0, 1]], 3: [["1/2", -3]]}
    network = FeedForward([2, 2, 2, 1], Activation("-1/3", 2), [2], given)
    found = neuron([[1, 2], [1, 1]], [1, 1], network=network, loss=loss, reduction=reduction)
    assert found.forcing == forcing and found.off == F(1, 9)
    # The samples are the features (1, 4) and (1, 1).
    assert [ray.direction for ray in found.rays] == [(1, 4), (1, 1)]
    assert {ray.push > 0 for ray in found.rays} == {True}


@pytest.mark.parametrize(
    "network",
    [
        TwoLayer(2, 2, Activation(0, 2)),
        TwoLayer(2, 2, Activation(1, 1)),
        OneLayer(2, 2, Activation(0, 3)),
        Expression(["u", "v"], ["x", "y"], "u*abs(v)*x*y"),
    ],
)
def test_other_neurons_do_not_fade(network):
    made = problem([[1, 2]], [1], network=network)
    assert fading_neuron(made, (0, 1)) is None


def test_what_holds_near_a_direction():
    # (3, 0) is orthogonal to (0, -1); (3, 4) is inactive with the sine 4/5.
    found = prove_fading(neuron([[3, 0], [3, 4]], [2, 5]), (0, -7), (0, -7))
    assert found.direction == (0, -7)
    assert F(4, 5) - F(1, 2**50) < F(found.room) <= F(4, 5)
    # omega m |x|^2 A <= z, each with omega.
    assert found.largest == F(2, 9)
    assert found.to_json() == {"direction": ["0", "-7"]}
    assert found.within(F(1, 10)).room == 0.1 - 2.0**-56 or F(found.within(F(1, 10)).room) <= F(1, 10)
    assert found.within(F(9, 10)).room == found.room


def test_one_is_the_widest_angle():
    found = prove_fading(neuron([[3, 0]], [2]), (0, 1), (0, 1))
    assert found.room == float("inf") and found.within(F(2)).room == 1.0


@pytest.mark.parametrize(
    ("X", "y", "alpha"),
    [
        ([[3, 0], [3, 4]], [-2, 5], 0),
        ([[3, 0], [3, 4]], [0, 5], 0),
        ([[3, 0], [3, -4]], [2, 5], 0),
        ([[3, 0], [3, 4]], [2, 5], "1/10"),
        ([[3, 0], [-3, 0]], [2, -5], 0),
        ([[3, 0], [1, 0]], [1, -9], 0),
        ([[3, 4]], [1], 0),
    ],
)
def test_nothing_fades_where_a_sample_may_pull(X, y, alpha):
    assert prove_fading(neuron(X, y, alpha=alpha), (0, -1), (0, -1)) is None


def test_samples_that_do_not_push_are_set_aside_where_they_are_inactive():
    own = neuron([[3, 0], [-3, 0], [-2, 0]], [2, -5, 1])
    found = prove_fading(own, (0, -1), (3, -4))
    assert F(3, 5) - F(1, 2**50) < F(found.aside) <= F(3, 5) and found.largest == F(2, 9)
    assert prove_fading(own, (0, -1), (0, -4)) is prove_fading(own, (0, -1), (-3, -4)) is None
    # Nobody pushes, or a leaky neuron, which is active on both sides.
    assert prove_fading(neuron([[-3, 0]], [-5]), (0, -1), (3, -4)) is None
    assert prove_fading(neuron([[3, 0], [-3, 0]], [2, -5], alpha="1/10"), (0, -1), (3, -4)) is None


@pytest.mark.parametrize(("x", "good"), [((1, 1, 0), True), ((-1, 9, 0), False), ((-2, 0, 0), True)])
def test_what_pushes_does_not_push_to_the_side_of_what_is_set_aside(x, good):
    found = prove_fading(neuron([[1, 0, 0], x], [-2, 1]), (0, 0, -1), (-3, 1, -4))
    assert (found is not None) == good
