"""Degree inference against numeric scaling, Euler's identity and the closed formula for layers; refusals name
the terms.
"""

import random
import time
from fractions import Fraction

import numpy as np
import pytest
import strategies as own
from hypothesis import given
from hypothesis import strategies as st

from certflow.arithmetic.ball import BallArithmetic
from certflow.arithmetic.base import EXACT
from certflow.networks.activation import Activation
from certflow.networks.base import Network
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.grammar import parse
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput, Inconclusive
from certflow.structure.degrees import NoDegree, infer
from certflow.structure.homogeneity import Order, homogeneity


def euler_defect(network: Network, order: Order, points: int = 3, seed: int = 0) -> tuple[Fraction, ...]:
    """`<w, dH/dw> - order * H` at random rational weights and inputs, exact; all zero by Euler's identity.

    Raises `Inconclusive` if the network takes irrational values at rational points (exp, roots).
    """
    rng = random.Random(seed)

    def rationals(*shape: int) -> np.ndarray:
        values = [Fraction(rng.randint(-60, 60), rng.randint(1, 12)) for _ in range(int(np.prod(shape)))]
        return np.array(values, dtype=object).reshape(shape)

    defects = []
    for _ in range(points):
        w, X = rationals(network.size), rationals(1, network.inputs)
        try:
            run = network.forward(EXACT, w, X)
            defects.append(Fraction(network.jacobian(run)[0] @ w - order * run.outputs[0]))
        except ZeroDivisionError:
            continue
        except TypeError as error:
            raise Inconclusive(f"Euler's identity was not checked exactly: {error}.") from error
    return tuple(defects)


def euler_holds(network: Network, order: Order) -> bool:
    """Whether Euler's identity holds at random rational points: exactly, or where the network takes
    irrational values (exp, roots), up to 256-bit enclosures of the defect, all of which contain 0. A check,
    not a proof.
    """
    try:
        return not any(euler_defect(network, order))
    except Inconclusive:
        ar = BallArithmetic(256)
        w = ar.array([Fraction(2 * i + 3, 7) for i in range(network.size)])
        run = network.forward(ar, w, ar.array([[Fraction(i + 2, 5) for i in range(network.inputs)]]))
        defect = network.jacobian(run)[0] @ w - ar.number(Fraction(order)) * run.outputs[0]
        return bool(defect.contains(0))


def expression(text):
    return Expression(["u1", "u2", "b"], ["x1", "x2"], text)


@given(own.networks_at_points(), st.fractions(min_value=Fraction(1, 9), max_value=9, max_denominator=9))
def test_the_inferred_order_is_that_of_numeric_scaling(drawn, c):
    network, w, X, _ = drawn
    try:
        degrees = homogeneity(network)
    except BadInput as error:
        assert "0 for all weights" in str(error)
        assert not network.outputs(EXACT, w, X).any()
        return
    outputs, scaled = network.forward(EXACT, w, X), network.forward(EXACT, c * w, X)
    assert (scaled.outputs == c**degrees.order * outputs.outputs).all()
    for j, order in enumerate(degrees.block_orders):
        assert (scaled.block_outputs[:, j] == c**order * outputs.block_outputs[:, j]).all()
    assert not any(euler_defect(network, degrees.order, points=1))
    assert euler_holds(network, degrees.order)


@given(
    own.networks_at_points(("feed-forward", "partly-trained", "two-layer", "one-layer")),
    st.sampled_from([2, Fraction(1, 3)]),
)
def test_layer_orders_are_those_of_scaling_one_layer(drawn, c):
    network, w, X, _ = drawn
    try:
        degrees = homogeneity(network)
    except BadInput:
        return
    power, depth = network.activation.power, network.depth
    assert degrees.order == sum(power ** (depth - layer) for layer in network.trained)
    assert (degrees.layer_orders == {}) == (len(network.trained) == 1)
    start = 0
    for layer in network.trained:
        size = network.widths[layer] * network.widths[layer - 1]
        scaled = w.copy()
        scaled[start : start + size] *= c
        start += size
        order = degrees.layer_orders.get(layer, degrees.order)
        assert order == power ** (depth - layer)
        assert (network.outputs(EXACT, scaled, X) == c**order * network.outputs(EXACT, w, X)).all()


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("u1*abs(u2)*x1", 2),
        ("b*relu(u1*x1 + u2)", 2),
        ("max(u1*u2, 0)*b + abs(u1)**3 + min(u1, u2, b)**3", 3),
        ("u1**3/u2", 2),
        ("u1**5/(u1**2 + u2**2)", 3),
        ("sqrt(u1**2 + u2**2)*b", 2),
        ("abs(u1)**3*sqrt(abs(u2))", Fraction(7, 2)),
        ("exp(x1)*u1**2 + tanh(x2*x1)*u2**2", 2),
        ("exp(u1/u2)*u1*u2", 2),
        ("max(u1, 0) + 0*5", 1),
        ("x1", 0),
        ("u1/u2", 0),
    ],
)
def test_orders(text, order):
    degrees = homogeneity(expression(text))
    assert degrees.order == order and isinstance(degrees.order, type(order))
    assert degrees.rewritten is None
    assert euler_holds(expression(text), order)
    assert not euler_holds(expression(text), order + 1)


@pytest.mark.parametrize(
    ("text", "order", "rewritten"),
    [
        ("(u1 + 1)*(u1 - 1) + 1", 2, "u1**2"),
        ("max((u1 + 1)**2 - 2*u1 - 1, 0)*b", 3, "b*max(u1**2, 0)"),
        ("abs(u1)*abs(u1) + (1 + u2)**2 - 2*u2 - 1", 2, "u1**2 + u2**2"),
        ("(u1 + 1)**2 - 2*u1 - (u2 - 1)**2 - 2*u2", 2, "u1**2 - u2**2"),
        ("((u1 + 1)**2 - b**2)/(u1 + 1 - b) - 1", 1, "b + u1"),
    ],
)
def test_hidden_degrees_are_found_after_rewriting(text, order, rewritten):
    with pytest.raises(NoDegree):
        infer(parse(text, ["u1", "u2", "b"]), dict.fromkeys(["u1", "u2", "b"], Fraction(1)))
    degrees = homogeneity(expression(text))
    assert degrees.order == order
    assert sorted(degrees.rewritten.split(" + ")) == sorted(rewritten.split(" + "))
    assert degrees.rewritten in degrees.text()
    assert degrees.block_orders == (order,) * len(degrees.block_orders)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("b*relu(u1*x1) + b", ["b*max(u1*x1, 0) has degree 2", "b has degree 1"]),
        ("u2*(u1*x1 + 1)", ["in u1*x1 + 1, u1*x1 has degree 1 but 1 has degree 0"]),
        ("max(u1, 5)*u2", ["in max(u1, 5), u1 has degree 1 but 5 has degree 0"]),
        ("min(u1**2, u2)", ["u1**2 has degree 2 but u2 has degree 1"]),
        ("u1**2 + x1", ["u1**2 has degree 2 but x1 has degree 0"]),
        ("u2*tanh(u1*x1)", ["tanh(u1*x1)", "u1*x1 has degree 1", "argument of degree 0"]),
        ("exp(u1)*u2", ["exp(u1)", "u1 has degree 1"]),
        ("log(abs(u1))", ["log(abs(u1))"]),
        ("(u1 + u2 + 1)**200", ["u1 has degree 1 but 1 has degree 0"]),
        ("0*u1", ["0 for all weights"]),
    ],
)
def test_refusals_name_the_terms_that_disagree(text, parts):
    with pytest.raises(BadInput, match=r"^network\.output: ") as error:
        homogeneity(expression(text))
    for part in parts:
        assert part in str(error.value)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)


def test_roots_of_numbers_are_not_confused_with_the_numbers():
    with pytest.raises(BadInput, match="no order"):  # sqrt(1/2) is not 1/2, so a constant is left
        homogeneity(expression("1/2 - u1 - sqrt(1/2)"))


@given(own.expression(), st.sampled_from([" + 1", " + x1", " + u1", " + tanh(u1)", "*(u1 + 1)"]))
def test_a_foreign_term_is_refused(network, term):
    # The drawn expressions have order at least 2, so a constant, an input or a single weight does not fit.
    if set(network.output) <= set("0123456789/-"):
        return
    try:
        order = homogeneity(network).order
    except BadInput:
        return
    changed = Expression(network.weight_names, network.input_names, f"({network.output}){term}")
    with pytest.raises(BadInput, match="no order of homogeneity"):
        homogeneity(changed)
    assert order >= 2


def test_the_derivation_is_an_indented_tree():
    degrees = homogeneity(expression("u2*max(u1*x1, 0)"))
    assert degrees.derivation == (
        "u2*max(u1*x1, 0) : degree 2",
        "  u2 : degree 1",
        "  max(u1*x1, 0) : degree 1",
        "    u1*x1 : degree 1",
        "      u1 : degree 1",
        "      x1 : degree 0",
        "    0 : every degree",
    )


def test_the_derivation_of_layers_shows_one_neuron_per_layer():
    network = FeedForward(
        [2, 2, 3, 1],
        Activation(Fraction(0), 3),
        [1, 3],
        {2: [[Fraction(0)] * 2, [Fraction(1)] * 2, [Fraction(2)] * 2]},
    )
    degrees = homogeneity(network)
    assert (degrees.order, degrees.layer_orders) == (10, {1: 9, 3: 1})
    text = degrees.text()
    for line in (
        "layer 1, neuron 1: a1_1 = max(z1_1, 0)**3",
        "z1_1 = w1_1_1*x1 + w1_1_2*x2 : degree 1",
        "a1_1 : degree 3",
        "... and 1 neuron more : degree 3",
        "layer 2, neuron 2: a2_2 = max(z2_2, 0)**3",
        "... and 1 neuron that are 0 : every degree",
        "w3_1_2*a2_2 + w3_1_3*a2_3 : degree 10",
    ):
        assert line in text
    assert len(homogeneity(FeedForward([10, 10, 1], Activation(Fraction(0), 2))).derivation) < 40


def test_given_layers_of_zeros_are_refused():
    network = FeedForward([1, 1, 1], Activation(Fraction(0), 2), [1], {2: [[Fraction(0)]]})
    with pytest.raises(BadInput, match="0 for all weights"):
        homogeneity(network)


@pytest.mark.parametrize(
    "network",
    [
        TwoLayer(10, 20, Activation(Fraction(0), 2)),
        OneLayer(10, 22, Activation(Fraction(1, 3), 3)),
        FeedForward([10, 10, 10, 10, 1], Activation()),
    ],
    ids=repr,
)
def test_large_networks_are_quick(network):
    start = time.process_time()
    homogeneity(network)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "text",
    [
        "(u1 + u2 + b + x1 + x2)**20/((u1 - u2 + b - 2*x1 + 1)**20 + 1) + u1",
        " + ".join(f"1/(u1 + {i}*u2 + b)" for i in range(30)) + " + u1",
        "((u1 + 1)**9 + u2)/((u2 + 1)**9 - b)/((b + x1)**9 - u1) + u1",
    ],
)
def test_fractions_too_large_to_cancel_are_refused_quickly(text):
    start = time.process_time()
    with pytest.raises(BadInput, match="no order of homogeneity"):
        homogeneity(expression(text))
    assert time.process_time() - start < 2


def test_euler_is_a_check_that_can_fail():
    network = expression("u1**2 + u2**2*x1")
    assert any(euler_defect(network, 3)) and not euler_holds(network, 3)
    with pytest.raises(Inconclusive, match="not rational"):
        euler_defect(expression("exp(x1)*u1"), 1)
    assert euler_holds(expression("exp(x1)*u1"), 1) and not euler_holds(expression("exp(x1)*u1"), 2)
    assert len(euler_defect(network, 2, points=5, seed=3)) == 5


def test_other_networks_are_not_guessed_at():
    with pytest.raises(TypeError):
        homogeneity(np.array([1]))
