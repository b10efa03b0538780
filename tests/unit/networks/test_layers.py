"""Networks: values, gradients and Hessians against independent oracles, in exact arithmetic wherever
possible.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from strategies import activations, networks, networks_at_points, order_of, rationals

from certflow.arithmetic.base import EXACT, FLOAT, mp_arithmetic
from certflow.networks.activation import MAX_POWER, Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput

LAYERED = ("one-layer", "two-layer", "feed-forward", "partly-trained")
STEP = Fraction(1, 10**60)


def plain_output(network, w, x):
    """H(x; w) by the definition: loops over layers and neurons, no arrays."""
    numbers, layer_input = list(w), list(x)
    for layer in range(1, network.depth + 1):
        rows, columns = network.widths[layer], network.widths[layer - 1]
        if layer in network.trained:
            matrix = [[numbers.pop(0) for _ in range(columns)] for _ in range(rows)]
        else:
            matrix = network.given[layer]
        z = [sum(matrix[i][j] * layer_input[j] for j in range(columns)) for i in range(rows)]
        last = layer == network.depth
        layer_input = (
            z if last else [max(v, network.activation.alpha * v) ** network.activation.power for v in z]
        )
    return layer_input[0]


def frozen_forward(network, run, w):
    """The polynomial of the cells of `run`, at other weights."""
    return network.forward(EXACT, w, run.X, select=lambda layer, z: run.cells[layer])


def size_of(network, w, X, r):
    """An upper bound of all terms that enter N and its derivatives: the same network with absolute values,
    z^power.
    """
    if not isinstance(network, FeedForward):
        raise TypeError("only layered networks have this bound")
    given = {layer: abs(matrix) for layer, matrix in network.given.items()}
    positive = FeedForward(network.widths, Activation(1, network.activation.power), network.trained, given)
    run = positive.forward(EXACT, abs(w) + 1, abs(X) + 1)
    return (
        1
        + max(map(abs, positive.hessian(run, abs(r)).ravel()))
        + abs(r) @ run.outputs
        + max(positive.pullback(run, abs(r)))
    )


@given(networks_at_points(LAYERED))
def test_outputs_are_those_of_the_definition(case):
    network, w, X, _ = case
    outputs = network.outputs(EXACT, w, X)
    assert list(outputs) == [plain_output(network, w, x) for x in X]


@given(networks_at_points(LAYERED))
def test_euler_identities_hold_exactly(case):
    network, w, X, r = case
    run = network.forward(EXACT, w, X)
    gradient, hessian, order = network.pullback(run, r), network.hessian(run, r), order_of(network)
    assert gradient @ w == order * (r @ run.outputs)
    assert list(hessian @ w) == list((order - 1) * gradient)
    assert (hessian == hessian.T).all()


@given(networks_at_points(LAYERED), rationals(bound=1).map(abs))
def test_derivatives_are_those_of_the_polynomial_on_the_cell(case, at_kink):
    network, w, X, r = case
    run = network.forward(EXACT, w, X, at_kink=at_kink)
    gradient, hessian = network.pullback(run, r), network.hessian(run, r)
    bound = size_of(network, w, X, r) * 10**6 * STEP
    for k in range(network.size):
        unit = np.array([Fraction(int(k == j)) for j in range(network.size)], dtype=object)
        ahead, behind = (
            frozen_forward(network, run, w + STEP * unit),
            frozen_forward(network, run, w - STEP * unit),
        )
        assert abs((r @ ahead.outputs - r @ behind.outputs) / (2 * STEP) - gradient[k]) <= bound
        slopes = (network.pullback(ahead, r) - network.pullback(behind, r)) / (2 * STEP)
        assert max(abs(slopes - hessian[k])) <= bound


@given(networks_at_points(LAYERED))
def test_away_from_kinks_the_cell_does_not_depend_on_small_changes(case):
    network, w, X, r = case
    run = network.forward(EXACT, w, X)
    moved = network.forward(EXACT, w + STEP, X)
    for z, cell, moved_cell in zip(run.kinks, run.cells, moved.cells, strict=True):
        assert (cell[z != 0] == moved_cell[z != 0]).all()


@given(networks_at_points(LAYERED))
def test_jacobian_rows_are_the_pullbacks_of_unit_residuals(case):
    network, w, X, r = case
    run = network.forward(EXACT, w, X)
    jacobian = network.jacobian(run)
    assert jacobian.shape == (len(X), network.size)
    assert list(r @ jacobian) == list(network.pullback(run, r))


@given(networks_at_points(LAYERED))
def test_block_outputs_are_functions_of_their_block_alone(case):
    network, w, X, _ = case
    run = network.forward(EXACT, w, X)
    assert run.block_outputs.shape == (len(X), len(network.blocks))
    assert list(run.block_outputs.sum(axis=1)) == list(run.outputs)
    assert sorted(index for block in network.blocks for index in block) == list(range(network.size))
    if network.separable:
        for j, block in enumerate(network.blocks):
            alone = np.array([v if i in block else Fraction(0) for i, v in enumerate(w)], dtype=object)
            assert list(network.outputs(EXACT, alone, X)) == list(run.block_outputs[:, j])


@given(networks_at_points())
def test_the_network_of_a_block_computes_its_part(case):
    network, w, X, _ = case
    run = network.forward(EXACT, w, X)
    for j, indices in enumerate(network.blocks):
        part = network.block(j)
        assert part.size == len(indices)
        assert list(part.outputs(EXACT, w[list(indices)], X)) == list(run.block_outputs[:, j])


@given(networks_at_points())
def test_networks_without_kinks_say_so_and_are_one_polynomial(case):
    network, w, X, _ = case
    zero = np.full(network.size, Fraction(0), dtype=object)
    cells = [
        network.forward(EXACT, v, X, at_kink=t).cells
        for v, t in ((w, Fraction(0)), (-w, Fraction(1)), (zero, Fraction(1)))
    ]
    if not network.has_kinks:
        for layer in zip(*cells, strict=True):
            assert all((cell == layer[0]).all() for cell in layer)


@given(networks_at_points(LAYERED))
def test_double_precision_and_mpmath_agree_with_exact_numbers(case):
    network, w, X, r = case
    run = network.forward(EXACT, w, X)
    exact = [run.outputs, network.pullback(run, r), network.jacobian(run), network.hessian(run, r)]
    # The Jacobian does not know r, so a small r must not shrink the bound.
    bound = size_of(network, w, X, np.array([max(abs(v), Fraction(1)) for v in r], dtype=object))
    for ar, accuracy in ((FLOAT, Fraction(1, 10**12)), (mp_arithmetic(50), Fraction(1, 10**45))):
        # The exact cells: a rounded z need not fall on the same side of a kink.
        rounded = network.forward(
            ar, ar.array(w), ar.array(X), select=lambda layer, z, ar=ar: ar.array(run.cells[layer])
        )
        residuals = ar.array(r)
        found = [
            rounded.outputs,
            network.pullback(rounded, residuals),
            network.jacobian(rounded),
            network.hessian(rounded, residuals),
        ]
        for expected, values in zip(exact, found, strict=True):
            assert values.shape == expected.shape
            error = max(
                (abs(ar.number(e) - v) for e, v in zip(expected.ravel(), values.ravel(), strict=True)),
                default=0,
            )
            assert error <= ar.number(accuracy * bound)


@given(activations(), rationals(), rationals(bound=1).map(abs))
def test_activation_branches(activation, z, at_kink):
    value = max(z, activation.alpha * z) ** activation.power
    cell = activation.coefficients(EXACT, EXACT.sign(np.array([z], dtype=object)), at_kink)
    point = np.array([z], dtype=object)
    assert activation.derivative(cell, point)[0] == value
    assert z * activation.derivative(cell, point, 1)[0] == activation.power * value
    assert activation.derivative(cell, point, activation.power + 1)[0] == 0
    if z == 0:
        assert cell[0] == at_kink + (1 - at_kink) * activation.off


def test_the_clarke_selection_at_a_kink_is_the_one_asked_for():
    network = OneLayer(1, 1, Activation(Fraction(1, 2), 1))
    w, X, one = (EXACT.array(v) for v in ([Fraction(0)], [[Fraction(1)]], [Fraction(1)]))
    for at_kink, slope in (
        (Fraction(0), Fraction(1, 2)),
        (Fraction(1), Fraction(1)),
        (Fraction(1, 3), Fraction(2, 3)),
    ):
        assert network.pullback(network.forward(EXACT, w, X, at_kink=at_kink), one)[0] == slope


@given(activations())
def test_cells_of_doubles_are_those_of_their_signs(activation):
    z = np.array([[-np.inf, -1.5, -5e-324], [-0.0, 0.0, 5e-324], [0.25, 3.0, np.inf]])
    for at_kink in (Fraction(0), Fraction(1, 3)):
        expected = activation.coefficients(FLOAT, FLOAT.sign(z), at_kink)
        found = activation.cell(FLOAT, z, at_kink)
        assert found.dtype == np.float64 and (found == expected).all()


def test_smoothness_classes():
    assert Activation(0, 1).smoothness == 0
    assert Activation(0, 3).smoothness == 2
    assert Activation(1, 1).smoothness is None
    assert Activation(-1, 2).smoothness is None  # |z|^2 = z^2
    assert Activation(-1, 1).smoothness == 0


@given(networks(LAYERED))
def test_names_are_distinct_and_one_per_weight(network):
    assert len(set(network.weight_names)) == len(network.weight_names) == network.size


def test_the_order_of_the_weights_is_the_documented_one():
    assert TwoLayer(2, 2, Activation()).weight_names == ("w1_1", "w1_2", "w2_1", "w2_2", "v1", "v2")
    assert OneLayer(2, 2, Activation()).weight_names == ("u1_1", "u1_2", "u2_1", "u2_2")
    partly = FeedForward([2, 2, 1], Activation(), trained=[2], given={1: [[1, 2], [3, 4]]})
    assert partly.weight_names == ("w2_1_1", "w2_1_2")


def test_neurons_of_the_last_hidden_layer_are_blocks_unless_a_layer_below_is_trained():
    relu = Activation()
    assert TwoLayer(2, 2, relu).blocks == ((0, 1, 4), (2, 3, 5))
    assert FeedForward([2, 2, 2, 1], relu).blocks == (tuple(range(10)),)
    lower_given = FeedForward([1, 2, 2, 1], relu, trained=[2, 3], given={1: [[1], [2]]})
    assert lower_given.blocks == ((0, 1, 4), (2, 3, 5))


def test_equality_and_hash_see_every_part():
    relu = Activation()
    assert OneLayer(2, 2, relu) != OneLayer(3, 2, relu)
    assert OneLayer(2, 2, relu, [1, -1]) != OneLayer(2, 2, relu)
    assert OneLayer(2, 2, relu) != OneLayer(2, 2, Activation(0, 2))
    assert OneLayer(2, 1, relu) != FeedForward([2, 1, 1], relu, [1], {2: [[1]]})
    first, second = (FeedForward([2, 2, 1], relu, [1], {2: [[1, v]]}) for v in (2, 3))
    assert first != second
    again = FeedForward((2, 2, 1), Activation("0", 1), (1,), {2: [["1", 2.0]]})
    assert again == first
    assert hash(again) == hash(first)


def test_given_layers_are_exact_whatever_they_are_written_as():
    network = FeedForward([1, 2, 1], Activation(Fraction("1/2"), 2), [1], {2: [["1/3", 0.5]]})
    assert list(network.given[2].ravel()) == [Fraction(1, 3), Fraction(1, 2)]
    assert Activation("1/3").alpha == Fraction(1, 3)
    with pytest.raises(ValueError, match="read-only"):
        network.given[2][0, 0] = 1


def test_linear_networks_without_hidden_layer():
    network = FeedForward([3, 1], Activation())
    w, X = EXACT.array([[Fraction(v) for v in (1, 2, 3)], [Fraction(v) for v in (4, 5, 6)]])
    run = network.forward(EXACT, w, X[None, :])
    assert run.outputs[0] == 32
    assert list(network.pullback(run, EXACT.array([Fraction(1)]))) == list(X)
    assert not network.hessian(run, EXACT.array([Fraction(1)])).any()


def test_the_activation_is_given_as_such_or_by_its_numbers():
    leaky = Activation(Fraction(1, 10), 2)
    for make in (
        lambda *a, **k: OneLayer(2, 3, *a, **k),
        lambda *a, **k: TwoLayer(2, 3, *a, **k),
        lambda *a, **k: FeedForward([2, 1], *a, **k),
    ):
        assert make(leaky) == make(alpha="1/10", power=2)
        assert make(Activation(0, 3)) == make(power=3)
        assert make(Activation(1, 1)) == make(alpha=1)
        assert make() == make(Activation())
        for wrong in ({"alpha": 0}, {"power": 1}):
            with pytest.raises(
                BadInput, match="network.activation: alpha and power are those of the activation"
            ):
                make(leaky, **wrong)
        with pytest.raises(BadInput, match="network.activation: expected Activation"):
            make("relu")


@pytest.mark.parametrize(
    ("make", "place"),
    [
        (lambda: Activation(2), "activation.alpha"),
        (lambda: OneLayer(2, 1, alpha=2), "activation.alpha"),
        (lambda: OneLayer(0, 1), "network.inputs"),
        (lambda: TwoLayer(2, 0), "network.width"),
        (lambda: FeedForward(3), "network.widths"),
        (lambda: FeedForward([2, 2, 1], trained=[1], given=[[[1, 2]]]), "network.given"),
        (lambda: FeedForward([2, 2, 1], trained=[1], given={"2": [[1, 2]]}), "network.given"),
        (lambda: FeedForward([2, 2, 1], trained=[1], given={2: [[1, 2]], 3: [[1]]}), "network.given"),
        (lambda: Activation("nan"), "activation.alpha"),
        (lambda: Activation(0, 0), "activation.power"),
        (lambda: Activation(0, MAX_POWER + 1), "activation.power"),
        (lambda: Activation(0, 1.5), "activation.power"),
        (lambda: Activation(0, True), "activation.power"),
        (lambda: OneLayer(2, 2, Activation(), [1]), "network.signs"),
        (lambda: OneLayer(2, 2, Activation(), [1, 2]), "network.signs"),
        (lambda: FeedForward([2], Activation()), "network.widths"),
        (lambda: FeedForward([2, 0, 1], Activation()), "network.widths[1]"),
        (lambda: FeedForward([2, 3, 2], Activation()), "network.widths"),
        (lambda: FeedForward([2, 2.0, 1], Activation()), "network.widths[1]"),
        (lambda: FeedForward([2, 2, 1], Activation(), trained=[]), "network.trained"),
        (lambda: FeedForward([2, 2, 1], Activation(), trained=[2, 1]), "network.trained"),
        (lambda: FeedForward([2, 2, 1], Activation(), trained=[3]), "network.trained"),
        (lambda: FeedForward([2, 2, 1], Activation(), trained=[1]), "network.given"),
        (lambda: FeedForward([2, 2, 1], Activation(), given={1: [[1, 2], [3, 4]]}), "network.given"),
        (lambda: FeedForward([2, 2, 1], Activation(), trained=[1], given={2: [[1]]}), 'network.given."2"'),
        (
            lambda: FeedForward([2, 2, 1], Activation(), trained=[2], given={1: [[1, 2], [3]]}),
            'network.given."1"[1]',
        ),
        (
            lambda: FeedForward([2, 2, 1], Activation(), trained=[1], given={2: [["x", 1]]}),
            'network.given."2"[0][0]',
        ),
        (lambda: FeedForward([1000, 1000, 1], Activation()), "network"),
    ],
)
def test_unusable_networks_are_refused_with_the_place(make, place):
    with pytest.raises(BadInput) as refusal:
        make()
    assert str(refusal.value).startswith(f"{place}: ")
