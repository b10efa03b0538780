"""Values, gradients and Hessians of expressions in the checker contain those that the other half of the house
computes in rationals, for random expressions and for layered networks that are written out.
"""

import random
from fractions import Fraction as F

import numpy as np
import pytest

from certflow.arithmetic.base import EXACT
from certflow.checker.expressions import tape
from certflow.checker.expressions.tape import Tape
from certflow.checker.kernel.network import AnyPart, Part
from certflow.checker.kernel.numbers import BITS, ONE, enclosed, fraction
from certflow.checker.kernel.polynomials import Polynomial
from certflow.checker.kernel.problem import Problem as Checked
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.checker.outcomes.still import check_silent
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem

CLOCK = Clock(None)
WEIGHTS, INPUTS = ["a", "b", "c", "d"], ["x", "y"]


def tenths(rng, *shape):
    return np.array([F(rng.randint(-30, 30), 10) for _ in range(int(np.prod(shape)))], dtype=object).reshape(
        shape
    )


def numbers(rng):
    """Text without weights."""
    return rng.choice(
        [
            "2",
            "1/3",
            "x",
            "y",
            "x*y",
            "(x - 2*y)",
            "abs(y)",
            "max(x, y)",
            "min(x, 1/2)",
            "1/(x**2 + 1)",
            "x**3",
        ]
    )


def written(rng, degree):
    """Text that is homogeneous of this degree in the weights, with a locally Lipschitz gradient above 1."""
    if degree == 1:
        terms = [f"{numbers(rng)}*{rng.choice(WEIGHTS)}" for _ in range(rng.randint(1, 3))]
        return f"({rng.choice(['', '-'])}{' + '.join(terms)})"
    kind = rng.randrange(4)
    splits = [p for p in range(2, degree + 1) if degree % p == 0]
    if kind == 0:
        return (
            f"({written(rng, degree)} - {written(rng, degree)}/{numbers(rng)})"
            if degree < 4
            else "(" + (f"{written(rng, 2)}*{written(rng, degree - 2)})")
        )
    if kind == 1:
        left = rng.randint(1, degree - 1)
        return f"{written(rng, left)}*{written(rng, degree - left)}"
    power = rng.choice(splits)
    inside = written(rng, degree // power)
    if kind == 2:
        return f"({inside})**{power}"
    name = rng.choice(["abs({})", "max({}, 0)", "max(0, {})", "min({}, 0)", "min(0, {})", "(3*max({}, 0))"])
    return f"{name.format(inside)}**{power}"


def spelled(network):
    """A layered network as text, its weights w0, w1, ... in order."""
    names, values = [], [f"x{i + 1}" for i in range(network.inputs)]
    alpha, p = network.activation.alpha, network.activation.power
    for l in range(1, network.depth + 1):
        rows = []
        for a in range(network.widths[l]):
            terms = []
            for b, value in enumerate(values):
                if l in network.trained:
                    names.append(f"w{len(names)}")
                    terms.append(f"{names[-1]}*{value}")
                else:
                    terms.append(f"({network.given[l][a][b]})*{value}")
            total = "(" + " + ".join(terms) + ")"
            if l < network.depth and not (alpha == p == 1):
                total = f"(max({total}, 0)**{p} + ({alpha**p})*min({total}, 0)**{p})"
            rows.append(total)
        values = rows
    return Expression(names, [f"x{i + 1}" for i in range(network.inputs)], values[0])


def problem(seed):
    """An expression of random text for even seeds, a layered network in other words for odd ones."""
    rng = random.Random(seed)
    n = rng.randint(1, 4)
    if seed % 2 == 0:
        degree = rng.choice([2, 2, 3, 4, 5])
        text = " + ".join(written(rng, degree) for _ in range(rng.randint(1, 3)))
        network = Expression(WEIGHTS, INPUTS, text)
    else:
        alpha = F(rng.choice(["0", "1/3", "1", "-1", "-1/2"]))
        layered = rng.choice(
            [
                OneLayer(2, 2, Activation(alpha, rng.choice([2, 3])), [1, -1]),
                TwoLayer(2, 2, Activation(alpha, 2)),
                TwoLayer(2, 2, Activation(F(1), 1)),
                FeedForward([2, 2, 2, 1], Activation(alpha, 2)),
                FeedForward([2, 2, 2, 1], Activation(alpha, 2), [1, 3], {2: tenths(rng, 2, 2)}),
            ]
        )
        network = spelled(layered)
    X, y = tenths(rng, n, network.inputs), tenths(rng, n)
    X[X == 0] = F(1)
    return rng, Problem(network, X, y, direction=[1] * network.size, reduction=rng.choice(["mean", "sum"]))


def read(p):
    return Checked(p.exact_content(), CLOCK, expressions=True)


def exact(p, w):
    """(h, grad h per sample, grad N, Hessian of N) at the rational point w."""
    w = np.array(w, dtype=object)
    run = p.network.forward(EXACT, w, p.X)
    return run.outputs, p.network.jacobian(run), p.network.pullback(run, p.z), p.network.hessian(run, p.z)


def inside(value, bounds, extra=0):
    return bounds[0] - extra <= value * ONE <= bounds[1] + extra


def parts(checked):
    return [(checked.part(j), checked.indices[j]) for j in range(len(checked.indices))]


def test_tapes_are_parts():
    _, p = problem(0)
    part: AnyPart = read(p).part(0)
    assert isinstance(part, Tape) and not isinstance(part, Part)


@pytest.mark.parametrize("seed", range(60))
def test_the_gradient_at_a_point_is_exact(seed):
    rng, p = problem(seed)
    checked = read(p)
    assert checked.order == p.order
    for _ in range(4):
        w = [F(rng.randint(-9, 9), rng.randint(1, 5)) for _ in range(checked.size)]
        if rng.random() < 0.3:
            w[rng.randrange(len(w))] = F(0)
        truth = exact(p, w)[2]
        for part, own in parts(checked):
            assert part.gradient_at([w[k] for k in own], checked.z) == [truth[k] for k in own]


@pytest.mark.parametrize("seed", range(60))
def test_points_of_a_box_have_their_derivatives_in_the_enclosures(seed):
    rng, p = problem(seed)
    checked = read(p)
    widths = [F(rng.choice([0, 1, 10, 60]), 100) for _ in range(checked.size)]
    middle = [F(v) for v in tenths(rng, checked.size)]
    runs = []
    for part, own in parts(checked):
        box = [(enclosed(middle[k] - widths[k])[0], enclosed(middle[k] + widths[k])[1]) for k in own]
        runs.append(part.evaluate(box, part.first_kinks(box)))
    for _ in range(6):
        w = [
            m + F(rng.choice([-100, 100, rng.randint(-100, 100)]), 100) * r
            for m, r in zip(middle, widths, strict=True)
        ]
        h, jacobian, _, hessian = exact(p, w)
        for i in range(p.n):
            assert inside(h[i], [sum(run.outputs[i][e] for run in runs) for e in (0, 1)])
        for run, (part, own) in zip(runs, parts(checked), strict=True):
            kappa = [enclosed(F(rng.randint(-9, 9), 7)) for _ in range(p.n)]
            pushed = part.forcing(run, kappa)
            for j, k in enumerate(own):
                for i in range(p.n):
                    assert inside(jacobian[i, k], run.slopes[j][i])
                truth = sum(fraction(e[0]) * jacobian[i, k] for i, e in enumerate(kappa))
                assert inside(truth, pushed[j], 100)
                for m, l in enumerate(own):
                    ends = [run.middle[j][m] + s * run.radius[j][m] for s in (-1, 1)]
                    assert inside(hessian[k, l], ends)
            for i in range(p.n):
                square = sum(jacobian[i, k] ** 2 for k in own)
                assert square * ONE**2 <= run.gradient_norms[i] ** 2
            # As quadratic forms: the Hessian is at most `above` + `loss`.
            v = [rng.randint(-3, 3) for _ in own]
            form = sum(
                a * b * hessian[k, l]
                for a, k in zip(v, own, strict=True)
                for b, l in zip(v, own, strict=True)
            )
            most = sum(a * b * run.above[j][m] for j, a in enumerate(v) for m, b in enumerate(v))
            assert form * ONE <= most + run.loss * sum(a * a for a in v)


@pytest.mark.parametrize("seed", range(60))
def test_the_gradient_along_a_piece(seed):
    rng, p = problem(seed)
    checked = read(p)
    grid = 48
    u = [
        [rng.randint(-(1 << grid), 1 << grid)]
        + [rng.randint(-(1 << grid - 2), 1 << grid - 2) for _ in range(rng.randint(0, 3))]
        for _ in range(checked.size)
    ]
    found = {}
    for part, own in parts(checked):
        polynomials = [Polynomial([v << (BITS - grid) for v in u[k]]) for k in own]
        keep = rng.choice([3, 8])
        assert list(part.kinks_along(polynomials, keep)) == [[]] * p.n
        found |= dict(zip(own, part.gradient_along(polynomials, keep), strict=True))
    for y in [F(0), F(1), *(F(rng.randint(0, 64), 64) for _ in range(4))]:
        truth = exact(p, [sum(F(c, 1 << grid) * y**k for k, c in enumerate(row)) for row in u])[2]
        for k, g in found.items():
            value = sum(c * y**i for i, c in enumerate(g.coefficients))
            assert abs(truth[k] * ONE - value) <= g.err


@pytest.mark.parametrize("seed", range(60))
def test_outputs_at_unit_weights_are_bounded(seed):
    rng, p = problem(seed)
    checked = read(p)
    bounds = [part.unit_outputs() for part, _ in parts(checked)] if checked.order == 2 else None
    most = sum(fraction(part.largest_ncf()) for part, _ in parts(checked))
    for _ in range(8):
        w = [F(rng.randint(-9, 9)) for _ in range(checked.size)]
        for j, (_, own) in enumerate(parts(checked)):
            alone = [w[k] if k in own else F(0) for k in range(checked.size)]
            square = sum(v * v for v in alone)
            if not square:
                continue
            h = exact(p, alone)[0]
            N2 = sum(z * v for z, v in zip(checked.z, h, strict=True)) ** 2
            assert most**2 * square**checked.order >= N2
            if bounds:
                for value, bound in zip(h, bounds[j], strict=True):
                    assert abs(value) <= fraction(bound) * square


def checked(weights, text, X=(("1", "2"),), y=("1",), direction=None):
    content = {
        "network": {"kind": "expression", "weights": weights.split(), "inputs": INPUTS, "output": text},
        "data": {"X": [list(row) for row in X], "y": list(y)},
        "loss": {"kind": "square", "reduction": "sum"},
        "direction": direction or ["1"] * len(weights.split()),
    }
    return Checked(content, CLOCK, expressions=True)


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("a*b + c**2 + d**2", [[0, 1], [2], [3]]),
        ("a*d + b*c", [[0, 3], [1, 2]]),
        ("a*b + c**2 + b*d", [[0, 1, 3], [2]]),
        ("a*b*x + y*(c*d - 2*(a**2 - y*d**2))", [[0, 1], [2, 3]]),
        ("a*b*x + y*(c*d - 2*(b**2 - d**2))/3", [[0, 1], [2, 3]]),
        ("(a + b)*(a - b) + c**2", [[0, 1], [2], [3]]),
        ("max(a*x - b, 0)**2 - abs(c)**2", [[0, 1], [2], [3]]),
        ("a**2", [[0], [1], [2], [3]]),
        ("a**3 + b**3", [[0, 1, 2, 3]]),
    ],
)
def test_parts_are_what_no_term_joins(text, indices):
    found = checked("a b c d", text)
    assert found.indices == indices
    several = found.order == 2 and len(indices) > 1
    assert (found.coupled, found.groups) == (
        several,
        [[j] for j in range(len(indices))] if several else [list(range(len(indices)))],
    )


def test_a_part_by_hand():
    # h = 3 a b + max(0, a)^2 at x = (3, 2): on a in [1, 2], b = -1.
    (part,) = checked("a b", "x*a*b + max(0, a)**2", X=[("3", "2")], y=["1/2"]).tapes
    assert (part.size, part.stored, part.lengths, part.z) == (2, 2, [0], [(ONE // 2, ONE // 2)])
    run = part.evaluate([(ONE, 2 * ONE), (-ONE, -ONE)], [])
    assert run.outputs == [(-5 * ONE, ONE)] and run.slopes == [[(-ONE, ONE)], [(3 * ONE, 6 * ONE)]]
    assert run.middle == run.above == [[ONE, 3 * ONE // 2], [3 * ONE // 2, 0]]
    assert (run.radius, run.loss) == ([[0, 0], [0, 0]], 0)
    # On both sides of the kink the second derivative is in [0, 2].
    run = part.evaluate([(-ONE, ONE), (0, 0)], [])
    assert (run.middle[0][0], run.radius[0][0]) == (ONE // 2, ONE // 2)
    # Half the largest row: (2 + 3)/2; sup |3 a b| + a^2 = 4, times 1/2.
    assert 2 * ONE <= part.unit_outputs()[0] <= 5 * ONE // 2
    assert part.largest_ncf() == 2 * ONE


def test_what_is_silent_is_exactly_zero():
    (part,) = checked("a b", "max(a*x + b, 0)**2*a*b", X=[("3", "2")]).tapes
    run = part.evaluate([(-ONE, -ONE // 2), (-ONE, ONE // 4)], [])
    assert run.slopes == [[(0, 0)], [(0, 0)]] and run.outputs == [(0, 0)]
    # 3 a + b is at most 0 within 1/4 of (-1/2, 1/2), and reaches 1/16 within 5/16.
    check_silent(part, ONE // 4, [-8, 8], 4, "here", "move")
    with pytest.raises(Refused) as error:
        check_silent(part, 5 * ONE // 16, [-8, 8], 4, "here", "move")
    assert error.value.reason == "a sample may move, so it is not proved dead"


def test_too_much_work_is_refused(monkeypatch):
    # One sample, two weights and the weights themselves, one output term with two factors of one term each.
    monkeypatch.setattr(tape, "MAX_WORK", 1 * 3 * 4)
    assert checked("a b", "a*b").order == 2
    monkeypatch.setattr(tape, "MAX_WORK", 1 * 3 * 4 - 1)
    with pytest.raises(Refused) as error:
        checked("a b", "a*b")
    assert (error.value.rule, error.value.where) == ("R15", "problem.network.output")
