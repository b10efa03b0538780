"""The exact NCF against exact rational oracles: sums over samples evaluated with fractions, never with the
code under test.
"""

import re
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tied_directions import COUNTERCLOCKWISE

from certflow.algebra.directions import cross, degrees, reduced
from certflow.arithmetic.ball import BallArithmetic
from certflow.arithmetic.base import EXACT, FLOAT
from certflow.exact import number
from certflow.losses import Loss
from certflow.ncf.cells import layered_polynomial, monomial_bound
from certflow.ncf.exact import correlation
from certflow.ncf.in_weights import sample_trees
from certflow.ncf.planar import Arc, planar_ncf
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput
from certflow.problem import Problem
from tests import strategies as own

LAYERED = ("one-layer", "two-layer", "feed-forward", "partly-trained")
RAMP = Activation(Fraction(0), 2)
SMALL = own.rationals(bound=3, max_denominator=4)


def neuron(X, z, activation, u):
    """sum_i z_i max(x_i . u, alpha x_i . u)^p, with fractions."""
    dots = [row[0] * u[0] + row[1] * u[1] for row in X]
    terms = [
        weight * max(t, activation.alpha * t) ** activation.power for weight, t in zip(z, dots, strict=True)
    ]
    return sum(terms, Fraction(0))


def is_small(network):
    """Whether the sympy expressions of the network stay readable, and so the test quick."""
    return network.size <= 8 and (not isinstance(network, FeedForward) or monomial_bound(network) <= 100)


def unit_powers(slope, count):
    """Rational (cos m t, sin m t) for m = 0..count at the rational point of the circle with this slope."""
    c, s = (1 - slope**2) / (1 + slope**2), 2 * slope / (1 + slope**2)
    points = [(Fraction(1), Fraction(0))]
    for _ in range(count):
        a, b = points[-1]
        points.append((a * c - b * s, a * s + b * c))
    return points


# -- one planar neuron ---------------------------------------------------------------------------------------


@given(
    own.planar_neurons(),
    own.activations(powers=(1, 2, 3, 4, 5)),
    st.lists(own.rationals(bound=20), min_size=1, max_size=4),
)
def test_each_trigonometric_piece_is_the_ncf_on_its_whole_arc(data, activation, slopes):
    X, z = data
    pieces = planar_ncf(X, z, activation)
    ends = [arc.start for arc in pieces.arcs] + [arc.inside for arc in pieces.arcs]
    for u in [*ends, *(unit_powers(slope, 1)[1] for slope in slopes)]:
        expected = neuron(X, z, activation, u)
        containing = [arc for arc in pieces.arcs if arc.contains(u)]
        assert containing, "the arcs cover the circle"
        assert [arc.at(u) for arc in containing] == [expected] * len(containing)
        assert pieces.value(u) == expected
    for slope in slopes:
        angles = unit_powers(slope, activation.power)
        arc = pieces.arc_at(angles[1])
        cosines = sum((c * angles[m][0] for m, c in arc.cosines.items()), Fraction(0))
        sines = sum((c * angles[m][1] for m, c in arc.sines.items()), Fraction(0))
        assert cosines + sines == neuron(X, z, activation, angles[1])


@given(own.planar_neurons(), own.activations())
def test_arcs_go_once_around_in_exact_angular_order(data, activation):
    X, z = data
    arcs = planar_ncf(X, z, activation).arcs
    directions = {reduced(v)[0] for row in X if any(row) for v in ((-row[1], row[0]), (row[1], -row[0]))}
    if not activation.has_kink or not directions:
        assert len(arcs) == 1 and arcs[0].start == arcs[0].end
        return
    assert [arc.start for arc in arcs] == sorted(directions, key=degrees)
    assert all(arc.end == following.start for arc, following in zip(arcs, [*arcs[1:], arcs[0]], strict=True))
    for arc in arcs:
        on_the_left = cross(arc.start, arc.inside) > 0 and cross(arc.inside, arc.end) > 0
        assert on_the_left and arc.contains(arc.inside)
        assert arc.active == sum(row[0] * arc.inside[0] + row[1] * arc.inside[1] > 0 for row in X)
        assert all(row[0] * arc.inside[0] + row[1] * arc.inside[1] != 0 for row in X if any(row))


def test_arcs_begin_in_exact_order_where_doubles_tie():
    X = np.array([(Fraction(b), Fraction(-a)) for a, b in COUNTERCLOCKWISE[::-1]], dtype=object)
    starts = [arc.start for arc in planar_ncf(X, [Fraction(1)] * 8, RAMP).arcs]
    places = [starts.index(reduced(u)[0]) for u in COUNTERCLOCKWISE]
    assert places == sorted(places)


def test_a_piece_worked_out_by_hand():
    # One sample x = (1, 0), z = 3, squared ReLU: 3 cos² = 3/2 + 3/2 cos 2t for -90 < t < 90, and 0 elsewhere.
    X, z = np.array([[Fraction(1), Fraction(0)]], dtype=object), [Fraction(3)]
    left, right = sorted(planar_ncf(X, z, Activation(Fraction(0), 2)).arcs, key=lambda arc: arc.active)
    assert (right.start, right.end, right.active) == ((0, -1), (0, 1), 1)
    assert right.cosines == {0: Fraction(3, 2), 2: Fraction(3, 2)} and not any(right.sines.values())
    assert (left.start, left.end) == ((0, 1), (0, -1)) and not any(left.form)


def test_ten_thousand_samples_take_a_moment():
    rng = np.random.default_rng(0)
    X = np.array(
        [[Fraction(int(a)), Fraction(int(b))] for a, b in rng.integers(-(10**6), 10**6, (3_000, 2))],
        dtype=object,
    )
    pieces = planar_ncf(X, [Fraction(1)] * len(X), Activation(Fraction(0), 2))
    u = (Fraction(3, 7), Fraction(-5, 11))
    assert len(pieces.arcs) > 5_900 and pieces.value(u) == neuron(
        X, [1] * len(X), Activation(Fraction(0), 2), u
    )


def test_arcs_are_refused_for_everything_but_planar_neurons():
    for network in (
        OneLayer(3, 2, Activation(Fraction(0), 2)),
        TwoLayer(2, 2, Activation(Fraction(0), 2)),
        FeedForward([2, 2, 2, 1], Activation(Fraction(0), 2)),
        Expression(["a", "b"], ["x"], "a*b*x"),
    ):
        problem = Problem(network, [[1] * network.inputs], [1], seed=1)
        assert not correlation(problem).is_planar
        with pytest.raises(BadInput, match="two inputs"):
            correlation(problem).arcs()


def test_neurons_with_given_output_weights_are_planar_too():
    network = FeedForward(
        [2, 2, 1], Activation(Fraction(0), 2), trained=[1], given={2: [[Fraction(2), Fraction(-1, 3)]]}
    )
    problem = Problem(network, [[1, 2], [-1, 1]], [1, -2], direction=[1, 2, 3, 4])
    pieces = correlation(problem).planar
    value = 2 * pieces.value((1, 2)) - pieces.value((3, 4)) / 3
    assert value == problem.correlation.value(EXACT, problem.direction)


# -- every network -------------------------------------------------------------------------------------------


@given(st.data())
def test_value_gradient_and_cell_polynomial_are_the_ncf_at_a_rational_point(data):
    problem = data.draw(own.problems(max_samples=2))
    assume(is_small(problem.network))
    w = data.draw(own.arrays((problem.network.size,), SMALL))
    exact = correlation(problem)
    point = {
        s: sympy.Rational(v.numerator, v.denominator) for s, v in zip(exact.weights_symbols, w, strict=True)
    }
    outputs = problem.network.outputs(EXACT, w, problem.X)
    value = sum((z * h for z, h in zip(problem.z, outputs, strict=True)), Fraction(0))
    assert problem.correlation.value(EXACT, w) == value
    assert exact.value.xreplace(point) == value
    signs = exact.cell_at(w)
    polynomial = exact.on_cell(signs)
    assert polynomial.xreplace(point) == value
    # Where all signs are known, the gradient of the polynomial is the one of the network; elsewhere the
    # off-branch.
    slopes = [polynomial.diff(symbol).xreplace(point) for symbol in exact.weights_symbols]
    assert slopes == list(problem.correlation.gradient(EXACT, w))
    if isinstance(problem.network, FeedForward) or all((part != 0).all() for part in signs):
        middle = problem.correlation.gradient(EXACT, w, at_kink=Fraction(1, 2))
        assert [entry.xreplace(point).doit() for entry in exact.gradient] == list(middle)


@given(own.problems(families=LAYERED, max_samples=2))
def test_blocks_add_up_on_a_cell(problem):
    assume(is_small(problem.network))
    exact = correlation(problem)
    signs = exact.cell_at(problem.direction)
    parts = [exact.on_cell(signs, block) for block in range(len(problem.blocks))]
    assert sympy.expand(sympy.Add(*parts) - exact.on_cell(signs)) == 0
    for part, indices in zip(parts, problem.blocks, strict=True):
        assert part.free_symbols <= {exact.weights_symbols[i] for i in indices}


@given(own.problems(max_samples=3))
def test_number_systems_agree_and_euler_holds(problem):
    w = problem.direction
    value, gradient = problem.correlation.value(EXACT, w), problem.correlation.gradient(EXACT, w)
    assert sum(a * b for a, b in zip(w, gradient, strict=True)) == problem.order * value
    balls = BallArithmetic(64)
    assert problem.correlation.value(balls, balls.array(w)).contains(value)
    size = max(1.0, float(abs(value)))
    assert problem.correlation.value(FLOAT, FLOAT.array(w)) == pytest.approx(
        float(value), rel=1e-9, abs=1e-9 * size
    )


def test_omega_belongs_to_the_ncf():
    network = OneLayer(2, 1, Activation(Fraction(0), 2))
    X, y, w = [[1, 0], [0, 1], [1, 1]], [1, 1, -1], np.array([Fraction(1), Fraction(2)], dtype=object)
    mean, total = (
        Problem(network, X, y, "logistic", direction=[1, 1], reduction=how) for how in ("mean", "sum")
    )
    assert 3 * mean.correlation.value(EXACT, w) == total.correlation.value(EXACT, w) == 1 + 4 - 9
    half = Loss("custom", "sum", lambda ar, h, y: y / 2 - h, Fraction(1), lambda label: label / 2)
    assert 2 * Problem(network, X, y, half, direction=[1, 1]).correlation.value(EXACT, w) == 1 + 4 - 9


def test_expressions_with_roots_have_exact_cells():
    problem = Problem(
        Expression(["a", "b", "c"], ["x"], "a*sqrt(b**2 + c**2)*x + abs(a)*b*x"),
        [[1], [2]],
        [1, -2],
        direction=[1, 2, 3],
    )
    exact = correlation(problem)
    signs = exact.cell_at([Fraction(-1), Fraction(2), Fraction(3)])
    a, b, c = exact.weights_symbols
    assert (
        sympy.expand(exact.on_cell(signs) - (a * sympy.sqrt(b**2 + c**2) - a * b) * sympy.Rational(-3, 2))
        == 0
    )


def test_a_kink_behind_a_root_stays_undecided_on_it():
    text = "abs(sqrt(a**2 + b**2) - sqrt(2*a**2))*a*x"
    exact = correlation(Problem(Expression(["a", "b"], ["x"], text), [[1]], [1], direction=[1, 2]))
    assert [part.tolist() for part in exact.cell_at([Fraction(1), Fraction(2)])] == [[[1]]]
    with pytest.raises(BadInput, match="kink behind a root"):
        exact.cell_at([Fraction(1), Fraction(1)])


@given(own.arrays((2,), SMALL))
def test_minima_are_differentiated_too(w):
    problem = Problem(
        Expression(["a", "b"], ["x"], "min(a, 2*b*x)*max(3*a, b)"), [[1], [-1]], [2, 5], direction=[1, 1]
    )
    exact = correlation(problem)
    point = {
        s: sympy.Rational(v.numerator, v.denominator) for s, v in zip(exact.weights_symbols, w, strict=True)
    }
    expected = problem.correlation.gradient(EXACT, w, at_kink=Fraction(1, 2))
    assert [entry.xreplace(point) for entry in exact.gradient] == list(expected)


def test_bad_cells_are_named():
    problem = Problem(OneLayer(2, 2, Activation(Fraction(0), 2)), [[1, 0]], [1], seed=1)
    exact = correlation(problem)
    with pytest.raises(BadInput, match="3 entries for 4 weights"):
        exact.cell_at([Fraction(1)] * 3)
    with pytest.raises(BadInput, match="shapes"):
        exact.on_cell([np.ones((2, 2), dtype=int)])
    with pytest.raises(BadInput, match="-1, 0 or 1"):
        exact.on_cell([np.full((1, 2), 2)])


@given(own.problems(families=LAYERED, max_samples=1))
def test_the_number_of_terms_is_bounded_before_the_work(problem):
    assume(monomial_bound(problem.network) <= 1000)
    polynomial = layered_polynomial(problem, correlation(problem).cell_at(problem.direction))
    assert len(polynomial) <= monomial_bound(problem.network)


@pytest.mark.parametrize(
    ("widths", "power", "terms", "bound"),
    [([2, 2, 3, 1], 1, 12, 12), ([2, 3, 1], 3, 4, 4), ([2, 2, 2, 1], 2, 38, 42)],
)
def test_terms_where_everything_is_active(widths, power, terms, bound):
    # Two hidden layers, p = 2: (a Q + b R)² has 5 + 9 + 5 terms for quadratic forms Q and R in two weights
    # each, not 21.
    problem = Problem(FeedForward(widths, Activation(Fraction(0), power)), [[1, 2], [5, 3]], [1, 7], seed=1)
    signs = correlation(problem).cell_at([Fraction(1)] * problem.network.size)
    assert (len(layered_polynomial(problem, signs)), monomial_bound(problem.network)) == (terms, bound)


def test_polynomials_that_would_fill_the_memory_are_refused_and_not_shown():
    deep = Problem(FeedForward([9, 9, 9, 9, 1], Activation(Fraction(0), 3)), [[1] * 9], [1], seed=1)
    exact = correlation(deep)
    with pytest.raises(BadInput, match="at most"):
        exact.on_cell(exact.cell_at(deep.direction))
    assert "too many terms" in exact.text()


def test_a_ramp_that_never_rises_has_derivative_zero():
    # sympy's own diff gives nan here.
    deep = FeedForward([1, 1, 1, 1], Activation(Fraction(0), 2), trained=[1], given={2: [[-1]], 3: [[1]]})
    problem = Problem(deep, [[1]], [1], direction=[1])
    (gradient,) = correlation(problem).gradient
    (w,) = correlation(problem).weights_symbols
    assert [gradient.xreplace({w: sympy.Integer(v)}) for v in (-1, 0, 1)] == [0, 0, 0]


# -- to read -------------------------------------------------------------------------------------------------


def test_figure1_reads_well():
    exact = correlation(Problem.figure1())
    text = exact.text()
    assert "N(w) = sum_(j=1..20) n(u_j)" in text and "z_i = y_i/50" in text and "max(0, t)**2" in text
    assert text.count("cos(2*t)") == len(exact.arcs()) == 100
    assert max(len(line) for line in text.splitlines()) < 160
    assert "... and 97 more arcs" in exact.text(max_arcs=3)
    latex = exact.latex(max_arcs=None)
    assert latex.count(r"\cos(2t)") == 100 and r"\sum_{j=1}^{20} n(u_j)" in latex
    assert_balanced(latex)


@given(own.problems(max_samples=2), st.booleans())
@example(Problem(OneLayer(2, 1, Activation(Fraction(0), 2)), [[0, 0]], [1], direction=[1, 1]), False)
def test_every_problem_can_be_read(problem, exact):
    assume(is_small(problem.network))
    result = correlation(problem)
    assert "The NCF, homogeneous of order" in result.text(exact=exact)
    assert_balanced(result.latex(exact=exact))


def assert_balanced(latex):
    depth = 0
    for character in re.sub(r"\\[{}]", "", latex):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    begins, ends = re.findall(r"\\begin\{(\w+\*?)\}", latex), re.findall(r"\\end\{(\w+\*?)\}", latex)
    assert begins == ends and latex.count(r"\left") == latex.count(r"\right")
    assert r"\\\end" not in latex.replace("\n", "")


def test_exact_text_shows_every_coefficient_exactly():
    exact = correlation(Problem.figure1())
    lines = [line for line in exact.text(max_arcs=1, exact=True).splitlines() if "cos(2*t)" in line]
    found = re.search(r"(\S+) ([+-]) (\S+)\*cos\(2\*t\) ([+-]) (\S+)\*sin\(2\*t\)$", lines[0])
    arc: Arc = exact.arcs()[0]
    values = [number(found[1])] + [number(found[k + 1]) * (-1 if found[k] == "-" else 1) for k in (2, 4)]
    assert values == [arc.cosines[0], arc.cosines[2], arc.sines[2]]


def test_small_networks_are_written_out():
    problem = Problem(
        TwoLayer(1, 1, Activation(Fraction(0), 1)),
        [[1], [-2]],
        [1, 3],
        "square",
        direction=[1, 1],
        reduction="sum",
    )
    lines = [line.strip() for line in correlation(problem).text().splitlines()]
    assert "N(w) = 3*v1*max(-2*w1_1, 0) + v1*max(w1_1, 0)" in lines
    assert "dN/dv1 = 3*max(-2*w1_1, 0) + max(w1_1, 0)" in lines
    assert "N = w1_1*v1" in lines and "z_i = y_i" in lines


def test_powers_of_ramps_lose_their_idle_steps():
    problem = Problem(OneLayer(1, 1, Activation(Fraction(0), 3)), [[2]], [1], direction=[1], reduction="sum")
    (gradient,) = correlation(problem).gradient
    (u,) = correlation(problem).weights_symbols
    assert gradient == 6 * sympy.Max(0, 2 * u, evaluate=False) ** 2
    assert not gradient.has(sympy.Heaviside)


@pytest.mark.parametrize(
    "output",
    [
        "u1*abs(u2)*x1",
        "u1*max(u1, 2*u2)*x1",
        "relu(u1 - u2)**2*x1",
        "min(u1, u2)*sqrt(u1**2 + u2**2)*x1",
        "u1**3/u2*x1",
    ],
)
def test_what_is_printed_can_be_pasted_back(output):
    network = Expression(["u1", "u2"], ["x1"], output)
    problem = Problem(network, [[3]], [2], direction=[4, 3], reduction="sum")
    printed = dict(
        line.strip().split(" = ", 1) for line in correlation(problem).text().splitlines() if " = " in line
    )
    w, X = np.array([Fraction(4), Fraction(3)], dtype=object), np.array([[Fraction(3)]], dtype=object)
    balls = BallArithmetic(200)
    run = network.forward(balls, balls.array(w), balls.array(X))
    for name, factor in (("H(x; w)", 1), ("N(w)", 2)):
        again = Expression(["u1", "u2"], ["x1"], printed[name]).outputs(
            balls, balls.array(w), balls.array(X)
        )[0]
        assert again.overlaps(run.outputs[0] * factor) and again.radius() < Fraction(1, 10**30)
    for k, slope in enumerate(network.pullback(run, balls.array([Fraction(2)]))):
        again = Expression(["u1", "u2"], ["x1"], printed[f"dN/du{k + 1}"]).outputs(
            balls, balls.array(w), balls.array(X)
        )[0]
        assert again.overlaps(slope) and again.radius() < Fraction(1, 10**30)


def test_an_expression_of_a_huge_order_has_its_limit():
    network = Expression(["u1", "u2"], ["x1"], "((u1 + u2)**64*(u1 - u2)**64)**16")
    problem = Problem(network, [[1]], [1], direction=[2, 1])
    text = correlation(problem).text()
    assert "too large for a problem file" in text and "too many terms to be multiplied out" in text
    with pytest.raises(BadInput, match="too many terms"):
        correlation(problem).on_cell(correlation(problem).cell_at([Fraction(2), Fraction(1)]))


def test_a_pole_in_the_data_is_bad_input_and_one_at_the_start_is_said():
    with pytest.raises(BadInput, match=r"data\.X\[1\].*divides by zero"):
        sample_trees(Expression(["u1", "u2"], ["x1"], "u1*u2/x1"), [[Fraction(1)], [Fraction(0)]])
    start = Problem(
        Expression(["u1", "u2"], ["x1"], "(u1**3 - u2**3)/(u1 - u2)*x1"), [[1]], [1], direction=[1, 1]
    )
    assert "divides by zero there" in correlation(start).text()


def test_numbers_longer_than_python_prints_are_no_error():
    network = Expression(["u1", "u2"], ["x1"], "u1*abs(u2)*x1")
    exact = correlation(
        Problem(network, [[Fraction(1, 10**2500 + 1)]], [Fraction(1, 10**2500 + 3)], direction=[2, 1])
    )
    assert "N(w) = " in exact.text(exact=True) and "too long to be shown" in exact.latex()
