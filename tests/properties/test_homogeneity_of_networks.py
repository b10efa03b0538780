"""Homogeneity on random networks of every family: exact scaling, Euler's identities, and degree inference
against both.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import FAMILIES, arrays, homogeneous_text, networks, networks_at_points, order_of, problems

from certflow.arithmetic.base import EXACT
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import BadInput
from certflow.structure.homogeneity import homogeneity

SCALES = st.sampled_from([Fraction(2), Fraction(1, 3), Fraction(7, 5)])


def scaling_exponent(network, w, X, scale):
    """The L with H(scale w) = scale^L H(w) for all samples, by trying whole numbers; None if all outputs are
    zero.
    """
    before, after = network.outputs(EXACT, w, X), network.outputs(EXACT, scale * w, X)
    if not any(before):
        return None
    return next((L for L in range(100) if list(after) == list(scale**L * before)), "not homogeneous")


@given(networks_at_points(), SCALES)
def test_outputs_scale_with_one_exact_power(case, scale):
    network, w, X, _ = case
    exponent = scaling_exponent(network, w, X, scale)
    assert exponent is None or isinstance(exponent, int)
    if isinstance(network, FeedForward) and exponent is not None:
        assert exponent == order_of(network)


@given(
    networks_at_points(("expression",)), SCALES, st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 2)])
)
def test_euler_identities_hold_exactly_for_every_clarke_selection(case, scale, at_kink):
    network, w, X, r = case
    order = scaling_exponent(network, w, X, scale)
    assume(order is not None)
    run = network.forward(EXACT, w, X, at_kink=at_kink)
    gradient, hessian = network.pullback(run, r), network.hessian(run, r)
    assert gradient @ w == order * (r @ run.outputs)
    assert list(hessian @ w) == list((order - 1) * gradient)
    assert (hessian == hessian.T).all()
    assert list(network.jacobian(run) @ w) == list(order * run.outputs)


@given(networks_at_points(), st.data())
def test_each_block_is_homogeneous_on_its_own(case, data):
    network, w, X, _ = case
    assume(network.separable)
    run = network.forward(EXACT, w, X)
    j = data.draw(st.integers(0, len(network.blocks) - 1))
    scaled = np.array([2 * v if i in network.blocks[j] else v for i, v in enumerate(w)], dtype=object)
    after = network.forward(EXACT, scaled, X)
    others = [b for b in range(len(network.blocks)) if b != j]
    assert (after.block_outputs[:, others] == run.block_outputs[:, others]).all()
    before_j, after_j = run.block_outputs[:, j], after.block_outputs[:, j]
    assert not any(before_j) or any(list(after_j) == list(2**L * before_j) for L in range(100))


@given(networks_at_points(), SCALES)
def test_inferred_degrees_are_those_of_exact_scaling(case, scale):
    network, w, X, _ = case
    exponent = scaling_exponent(network, w, X, scale)
    try:
        found = homogeneity(network)
    except BadInput as error:
        # The zero function has every order, hence none.
        assert "is 0 for all weights" in str(error)
        assert exponent is None
        return
    assert exponent is None or found.order == exponent
    if isinstance(network, FeedForward):
        assert found.order == order_of(network)
    assert found.text()


@given(st.data())
def test_sums_of_different_degrees_are_refused(data):
    weights, inputs = ("u1", "u2"), ("x1",)
    low, high = (data.draw(homogeneous_text(weights, inputs, order)) for order in (2, 3))
    shape = data.draw(st.sampled_from(["{} + {}", "abs({}) - {}", "max({}, {})", "u1*({} + {})"]))
    text = shape.format(low, high)
    network = Expression(weights=list(weights), inputs=list(inputs), output=text)
    w, X = data.draw(arrays((2,))), EXACT.array([[Fraction(1)]])
    assume(scaling_exponent(network, w, X, Fraction(2)) == "not homogeneous")
    with pytest.raises(BadInput) as refusal:
        homogeneity(network)
    assert "network" in str(refusal.value)


@given(problems())
def test_problems_know_their_order(problem):
    exponent = scaling_exponent(problem.network, problem.direction, problem.X, Fraction(2))
    assert exponent is None or problem.order == exponent
    assert problem.order >= 2


@given(networks(FAMILIES))
def test_outputs_and_gradients_vanish_at_the_origin(network):
    zero = np.full(network.size, Fraction(0), dtype=object)
    X, one = EXACT.array([[Fraction(1)] * network.inputs]), EXACT.array([Fraction(1)])
    run = network.forward(EXACT, zero, X)
    assert run.outputs[0] == 0
    if not isinstance(network, FeedForward) or order_of(network) >= 2:
        assert not any(network.pullback(run, one))
