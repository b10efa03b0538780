"""Jets against exact rational Taylor coefficients: fixed point may differ by its rounding only."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import arrays, networks_at_points, rationals

from certflow.arithmetic.base import EXACT
from certflow.arithmetic.jets import JetArithmetic

BITS, ORDER = 200, 5
ROUNDING = Fraction(1, 2 ** (BITS - 60))


def _series(ar: JetArithmetic, coefficients: np.ndarray):
    """A jet with given exact coefficients (order + 1, *shape)."""
    variable = ar.variable(coefficients.shape[1:])
    for n, row in enumerate(coefficients):
        for index, value in np.ndenumerate(row):
            variable.coefficients[(n, *index)] = ar.fixed(value)
    return variable


def _run(ar: JetArithmetic) -> None:
    for n in range(ar.order + 1):
        ar.extend(n)


def _convolve(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([sum(a[m] * b[n - m] for m in range(n + 1)) for n in range(len(a))], dtype=object)


def _close(found: np.ndarray, expected: np.ndarray) -> bool:
    return all(
        abs(Fraction(a) - b) <= ROUNDING * (1 + abs(b))
        for a, b in zip(found.ravel(), expected.ravel(), strict=True)
    )


@given(arrays((ORDER + 1, 3)), arrays((ORDER + 1, 3)), arrays((3,)))
def test_operations_match_exact_series(a, b, c):
    ar = JetArithmetic(BITS, ORDER)
    x, y = _series(ar, a), _series(ar, b)
    constant = ar.array(c)
    results = {
        "sum": (x + y, a + b),
        "difference": (constant - x, np.vstack([c - a[0], -a[1:]])),
        "scaled": (constant * x, c * a),
        "product": (x * y, _convolve(a, b)),
        "masked product": (constant * (x * y), c * _convolve(a, b)),
        "cube": (x**3, _convolve(a, _convolve(a, a))),
        "dot": (x @ y, _convolve(a, b).sum(1)),
        "constant dot": (constant @ x, (c * a).sum(1)),
        "outer": (x[:, None] @ y[None, :], _convolve(a[:, :, None], b[:, None, :])),
        "joined": (np.concatenate([x, y]), np.hstack([a, b])),
    }
    _run(ar)
    for name, (node, expected) in results.items():
        assert _close(ar.series(node), expected), name


@given(arrays((ORDER + 1, 2)), arrays((2,), rationals().map(lambda v: abs(v) + 1)), arrays((ORDER, 2)))
def test_inverse_functions_undo_each_other(a, head, tail):
    ar = JetArithmetic(BITS, ORDER)
    positive = np.vstack([head, tail])
    x, y = _series(ar, a), _series(ar, positive)
    quotient, root, one = (x / y) * y, ar.sqrt(y) * ar.sqrt(y), ar.exp(x) * ar.exp(-x)
    _run(ar)
    assert _close(ar.series(quotient), a)
    assert _close(ar.series(root), positive)
    assert _close(ar.series(one), np.vstack([np.full((1, 2), Fraction(1)), np.full((ORDER, 2), Fraction(0))]))


@given(networks_at_points(families=("one-layer", "two-layer", "feed-forward", "partly-trained")), st.data())
def test_a_network_on_jets_is_its_exact_polynomial(point, data):
    network, w, X, _ = point
    velocity = data.draw(arrays((network.size,)))
    degree = sum(network.activation.power ** (network.depth - layer) for layer in network.trained)
    ar = JetArithmetic(2000, degree)
    line = _series(ar, np.vstack([w, velocity, *[0 * w] * max(degree - 1, 0)])[: degree + 1])
    cells = network.forward(EXACT, w, X).cells
    run = network.forward(ar, line, ar.array(X), select=lambda layer, z: ar.array(cells[layer]))
    gradient, jacobian, hessian = (
        network.pullback(run, run.outputs),
        network.jacobian(run),
        network.hessian(run, run.outputs),
    )
    _run(ar)
    outputs, gradients = ar.series(run.outputs), ar.series(gradient)
    # The outputs are polynomials of the order's degree: their series is exact at every t, in the cell of t =
    # 0.
    t = Fraction(1, 3)
    at = network.forward(EXACT, w + t * velocity, X, select=lambda layer, z: cells[layer])
    assert _close(sum(c * t**n for n, c in enumerate(outputs)), at.outputs)
    here = network.forward(EXACT, w, X)
    assert _close(gradients[0], network.pullback(here, here.outputs))
    assert _close(ar.series(jacobian)[0], network.jacobian(here))
    assert _close(ar.series(hessian)[0], network.hessian(here, here.outputs))
    # The chain rule, coefficient by coefficient: d/dt H = J w'.
    assert _close(outputs[1], ar.series(jacobian)[0] @ velocity if degree else outputs[1])


def test_series_are_not_raised_to_other_than_whole_powers():
    ar = JetArithmetic(BITS, ORDER)
    with pytest.raises(TypeError, match="whole powers"):
        ar.variable((1,)) ** Fraction(1, 2)
