"""Expressions against the same networks written as layers, in every arithmetic; sympy in and out; blocks;
tables.
"""

import copy
import pickle
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import strategies as own
import sympy
from hypothesis import given
from hypothesis import strategies as st

from certflow.arithmetic.ball import BallArithmetic
from certflow.arithmetic.base import EXACT, FLOAT, mp_arithmetic
from certflow.arithmetic.jets import JetArithmetic
from certflow.networks import tree
from certflow.networks.activation import Activation
from certflow.networks.expansion import expand
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.grammar import parse
from certflow.outcome import BadInput
from certflow.problem import Problem

u1, u2, u3, x1 = sympy.symbols("u1 u2 u3 x1")


def written_out(network):
    """The layered network as an `Expression` with the same weights."""
    weights, alpha, power = iter(network.weight_names), network.activation.alpha, network.activation.power
    below = [f"x{i + 1}" for i in range(network.inputs)]
    for layer in range(1, network.depth + 1):
        given_matrix = network.given.get(layer)
        sums = []
        for row in range(network.widths[layer]):
            factors = [
                next(weights) if given_matrix is None else f"({given_matrix[row, j]})"
                for j in range(len(below))
            ]
            sums.append(" + ".join(f"{c}*{a}" for c, a in zip(factors, below, strict=True)))
        below = sums if layer == network.depth else [f"max({z}, ({alpha})*({z}))**{power}" for z in sums]
    return Expression(network.weight_names, [f"x{i + 1}" for i in range(network.inputs)], below[0])


@given(
    own.networks_at_points(("one-layer", "two-layer", "feed-forward", "partly-trained")),
    st.sampled_from([0, 1, Fraction(1, 3)]),
)
def test_derivatives_equal_those_of_the_same_layered_network(drawn, at_kink):
    network, w, X, r = drawn
    expression = written_out(network)
    run, own_run = (
        network.forward(EXACT, w, X, at_kink=at_kink),
        expression.forward(EXACT, w, X, at_kink=at_kink),
    )
    assert (own_run.outputs == run.outputs).all()
    kinks = [z for z in run.kinks if network.activation.has_kink]
    off_kinks = all((z != 0).all() for z in kinks)
    # On a kink the cell of max(z, alpha z)^p is a cell of max(z, alpha z), to the power p: the same at the
    # two ends only.
    if off_kinks or at_kink in (0, 1):
        assert (expression.jacobian(own_run) == network.jacobian(run)).all()
        assert (expression.pullback(own_run, r) == network.pullback(run, r)).all()
        assert (expression.hessian(own_run, r) == network.hessian(run, r)).all()


POINT = [Fraction(3, 2), Fraction(-1, 4), Fraction(2, 3)]
SAMPLES = [[Fraction(1, 3)], [Fraction(2)], [Fraction(-3, 4)]]
RESIDUALS = [Fraction(1), Fraction(-2), Fraction(1, 2)]

TEXTS = [
    "u1*abs(u2)*x1 + max(u1*x1 - u2, 2*u3)*min(u1, u3)",
    "sin(x1)*u1**3/sqrt(u2**2 + u3**2)",
    "tanh(x1)*exp(u1/u2)*u3**2 - log(x1**2 + 1)*cos(u2/u3)*sin(u3/u1)*u1**2",
    "sqrt(abs(u1))**3*tanh(u2/u3)*max(x1, 0)*sqrt(u3) + log(u1**2/u3**2)*u2**2*exp(x1)",
    "u1**2/u2**3*abs(u3)**3",
]


@pytest.mark.parametrize("text", TEXTS)
def test_derivatives_agree_with_sympy_in_every_arithmetic(text):
    network = Expression(["u1", "u2", "u3"], ["x1"], text)
    symbols, sample = sympy.symbols("u1 u2 u3", real=True), sympy.Symbol("x1", real=True)
    output = parse_sympy(text)
    at = dict(zip(symbols, [sympy.Rational(v.numerator, v.denominator) for v in POINT], strict=True))

    def number(e, x):
        return sympy.N(e.subs(sample, sympy.Rational(x.numerator, x.denominator)).subs(at).doit(), 40)

    def total(e):
        terms = (
            number(e, x) * sympy.Rational(r.numerator, r.denominator)
            for (x,), r in zip(SAMPLES, RESIDUALS, strict=True)
        )
        return Fraction(str(sum(terms)))

    gradient = [total(sympy.diff(output, s)) for s in symbols]
    hessian = [[total(sympy.diff(output, s, t)) for t in symbols] for s in symbols]
    for ar, digits in ((FLOAT, 12), (mp_arithmetic(50), 30), (BallArithmetic(200), 30)):
        run = network.forward(ar, ar.array(POINT), ar.array(SAMPLES))
        r = ar.array(RESIDUALS)
        found = [*network.pullback(run, r), *network.hessian(run, r).ravel(), r @ run.outputs]
        for value, expected in zip(found, [*gradient, *sum(hessian, []), total(output)], strict=True):
            assert close_to(value, expected, Fraction(1, 10**digits) * max(1, abs(expected))), (
                ar.name,
                value,
                expected,
            )


def parse_sympy(text):
    """`text` written by hand in sympy, without certflow's own conversion."""
    u1, u2, u3, x1 = sympy.symbols("u1 u2 u3 x1", real=True)
    names = {"u1": u1, "u2": u2, "u3": u3, "x1": x1, "abs": sympy.Abs, "max": sympy.Max, "min": sympy.Min}
    names |= {f: getattr(sympy, f) for f in ("sin", "cos", "tanh", "exp", "log", "sqrt")}
    return eval(text, {"__builtins__": {}}, names)


def close_to(value, expected, tolerance):
    if hasattr(value, "lower"):
        return (
            value.lower() - tolerance <= expected <= value.upper() + tolerance
            and value.radius() < tolerance * 100
        )
    exact = Fraction(float(value)) if isinstance(value, float) else Fraction(str(value))
    return abs(exact - expected) <= tolerance


@given(own.networks_at_points(("expression",)))
def test_balls_contain_the_exact_derivatives(drawn):
    network, w, X, r = drawn
    ar = BallArithmetic(64)
    run, enclosed = network.forward(EXACT, w, X), network.forward(ar, ar.array(w), ar.array(X))
    pairs = [
        (enclosed.outputs, run.outputs),
        (network.pullback(enclosed, ar.array(r)), network.pullback(run, r)),
    ]
    pairs.append((network.hessian(enclosed, ar.array(r)), network.hessian(run, r)))
    for balls, exact in pairs:
        assert all(ball.contains(value) for ball, value in zip(balls.ravel(), exact.ravel(), strict=True))


@given(own.networks_at_points(("expression",)), st.data())
def test_wide_balls_contain_every_selection_and_every_value_inside(drawn, data):
    network, w, X, r = drawn
    ar = BallArithmetic(64)
    radius = Fraction(1, 2)
    wide = np.array([ar.hull(v - radius, v + radius) for v in w], dtype=object)
    enclosed = network.forward(ar, wide, ar.array(X))
    gradient = network.pullback(enclosed, ar.array(r))
    inside = np.array(
        [v + data.draw(st.sampled_from([-radius, Fraction(0), radius])) for v in w], dtype=object
    )
    run = network.forward(
        EXACT, inside, X, at_kink=data.draw(st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 2)]))
    )
    assert all(ball.contains(value) for ball, value in zip(enclosed.outputs, run.outputs, strict=True))
    assert all(ball.contains(value) for ball, value in zip(gradient, network.pullback(run, r), strict=True))


@given(own.networks_at_points(("expression",)))
def test_taylor_series_along_a_line(drawn):
    network, w, X, r = drawn
    order, ar = 3, JetArithmetic(160, 3)
    jets = ar.variable((network.size,))
    jets.coefficients[0] = [ar.fixed(v) for v in w]
    jets.coefficients[1] = [ar.fixed(Fraction(1)) for _ in w]
    exact = network.forward(EXACT, w, X)
    # The cell is that of the start, as in the integrator: the line may leave it at once.
    run = network.forward(ar, jets, ar.array(X), select=lambda layer, z: ar.array(exact.cells[layer]))
    gradient = network.pullback(run, ar.array(r))
    for n in range(order + 1):
        ar.extend(n)
    ones = np.array([Fraction(1)] * network.size, dtype=object)
    series = ar.series(gradient)
    expected = (network.pullback(exact, r), network.hessian(exact, r) @ ones)
    for n, row in enumerate(expected):
        assert all(abs(Fraction(a) - b) < Fraction(1, 2**100) for a, b in zip(series[n], row, strict=True))


def test_series_take_functions_of_the_inputs_as_constants():
    text = (
        "sin(x1**2 - 2)*u1**2 - tanh(x1)*u1*u2 + log(abs(x1))*exp(-x1)*u2**2 + max(x1, "
        "cos(x1))*u1**2/sqrt(x1**2 + 1)"
    )
    network, ar, mp = Expression(["u1", "u2"], ["x1"], text), JetArithmetic(200, 2), mp_arithmetic(70)
    w, X, r = (
        [Fraction(2, 3), Fraction(-1, 2)],
        [[Fraction(-5, 3)], [Fraction(1, 7)]],
        [Fraction(1), Fraction(-3)],
    )
    jets = ar.variable((2,))
    jets.coefficients[0] = [ar.fixed(v) for v in w]
    jets.coefficients[1] = [ar.fixed(Fraction(1)), ar.fixed(Fraction(1))]
    gradient = network.pullback(network.forward(ar, jets, ar.array(X)), ar.array(r))
    for n in range(3):
        ar.extend(n)
    run = network.forward(mp, mp.array(w), mp.array(X))
    expected = [network.pullback(run, mp.array(r)), network.hessian(run, mp.array(r)) @ mp.array([1, 1])]
    for n, row in enumerate(expected):
        assert all(
            close_to(b, a, Fraction(1, 10**50)) for a, b in zip(ar.series(gradient)[n], row, strict=True)
        )


def test_cells_of_each_kind_of_kink():
    network = Expression(["u1", "u2"], ["x1"], "abs(u1) + max(u1, u2*x1) + min(u1*x1, 0) + abs(x1)*u1")
    w, X = (
        np.array([Fraction(0), Fraction(0)], dtype=object),
        np.array([[Fraction(2)], [Fraction(-3)]], dtype=object),
    )
    assert network.has_kinks
    for at_kink, cells in (
        (Fraction(0), (-1, 0, 0)),
        (Fraction(1), (1, 1, 1)),
        (Fraction(1, 4), (-Fraction(1, 2), 0.25, 0.25)),
    ):
        run = network.forward(EXACT, w, X, at_kink=at_kink)
        assert [z.shape for z in run.kinks] == [(2, 1)] * 3
        assert [set(cell.ravel()) for cell in run.cells] == [{c} for c in cells]
    run = network.forward(
        EXACT, w, X, select=lambda layer, z: EXACT.array([[Fraction(layer)], [Fraction(10 * layer)]])
    )
    # abs: 0 and 0; max: u2 x1 + c (u1 - u2 x1) with c = 1, 10; min: a - c a with c = 2, 20; last: |x1|
    assert run.outputs.tolist() == [0, 0]
    assert network.jacobian(run).tolist() == [
        [0 + 1 + (2 - 4) + 2, 0],
        [0 + 10 + (-3 + 60) + 3, -3 - 10 * -3],
    ]
    assert not Expression(["u1"], ["x1"], "abs(x1)*u1**2").has_kinks


def test_values_that_do_not_depend_on_the_inputs_have_one_entry_per_sample():
    network = Expression(["u1", "u2"], ["x1"], "u1**2*abs(u2)")
    for n in (1, 4):
        run = network.forward(FLOAT, np.array([2.0, -3.0]), np.ones((n, 1)))
        assert run.outputs.tolist() == [12.0] * n
        assert run.kinks[0].shape == run.cells[0].shape == (n, 1)
        assert network.jacobian(run).tolist() == [[12.0, -4.0]] * n
        assert network.hessian(run, np.ones(n)).tolist() == [[6.0 * n, -4.0 * n], [-4.0 * n, 0.0]]


# -- blocks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("u1*u2 + u3**2", ((0, 1), (2,))),
        ("x1*(u1**2 + abs(u2)*(x1 + 1))*2 - u3", ((0,), (1,), (2,))),
        ("(u1 + u2)**2 - 2*u1*u2 + u3", ((0,), (1,), (2,))),
        ("max(u1, u3)**2 + u2*u2", ((0, 2), (1,))),
        ("(u1 + u2)*u3", ((0, 1, 2),)),
        ("u1**2", ((0,), (1,), (2,))),
        ("max((u1 + u2)**2 - u2*(2*u1 + u2), 0) + u2*u3", ((0,), (1, 2))),
    ],
)
def test_blocks(text, blocks):
    network = Expression(["u1", "u2", "u3"], ["x1"], text)
    assert network.blocks == blocks
    assert network.separable == (len(blocks) > 1)
    w, X = np.array(POINT, dtype=object), np.array(SAMPLES, dtype=object)
    run = network.forward(EXACT, w, X)
    assert run.block_outputs.shape == (3, len(blocks))
    assert (run.block_outputs.sum(axis=1) == run.outputs).all()
    for j, block in enumerate(blocks):
        alone = network.block(j)
        assert alone.weight_names == tuple(network.weight_names[i] for i in block)
        assert (alone.outputs(EXACT, w[list(block)], X) == run.block_outputs[:, j]).all()
    assert [tree.to_text(t) for t in network.block_trees if not t.names] == ["0"] * sum(
        not set(network.block(j).weight_names) & network.tree.names for j in range(len(blocks))
    )


@given(own.networks_at_points(("one-layer", "two-layer", "partly-trained")))
def test_blocks_are_those_of_the_layers(drawn):
    network, w, X, _ = drawn
    expression = written_out(network)
    occurring = {i for i, name in enumerate(network.weight_names) if name in expression.tree.names}
    # Given zeros may split a block further, never join two.
    for block in expression.blocks:
        assert any(set(block) & occurring <= set(other) for other in network.blocks)
    assert (expression.forward(EXACT, w, X).block_outputs.sum(axis=1) == network.outputs(EXACT, w, X)).all()


@given(own.networks_at_points(("expression",)))
def test_multiplying_out_keeps_the_values(drawn):
    network, w, X, r = drawn
    expanded = expand(network.tree)
    other = Expression(network.weight_names, network.input_names, expanded)
    run, own_run = network.forward(EXACT, w, X), other.forward(EXACT, w, X)
    assert (run.outputs == own_run.outputs).all()
    assert expand(expanded) == expanded


@pytest.mark.parametrize(
    "text",
    [
        "sqrt(2)*u",
        "u/sqrt(2)",
        "sqrt(2)*sqrt(2)*u",
        "sqrt(2)**3*u - 2*sqrt(2)*u",
        "u*sqrt(1/2)*sqrt(8)",
        "(sqrt(2)*u + v)**2",
    ],
)
def test_multiplying_out_keeps_irrational_roots_of_numbers(text):
    before = Expression(["u", "v"], ["x"], text)
    after = Expression(["u", "v"], ["x"], expand(before.tree))
    w, X = np.array([0.75, -1.25]), np.array([[1.0]])
    assert np.allclose(before.outputs(FLOAT, w, X), after.outputs(FLOAT, w, X), rtol=1e-14, atol=1e-15)
    assert expand(after.tree) == after.tree


def test_irrational_coefficients_survive_the_splitting_into_blocks():
    network = Expression(["u", "v"], ["x"], "(u + v)**2 - 2*u*v + sqrt(2)*v**2")
    assert network.blocks == ((0,), (1,))
    outputs = network.outputs(FLOAT, np.array([0.0, 1.0]), np.array([[1.0]]))
    assert np.allclose(outputs, 1 + np.sqrt(2), rtol=1e-15)


def test_what_is_too_large_is_not_multiplied_out():
    names = ["u1", "u2", "u3", "u4", "x1"]
    assert expand(parse("(u1 + u2 + u3 + u4 + x1)**200", names)) is None
    network = Expression(names[:4], ["x1"], "(u1 + u2 + u3 + u4 + x1)**200")
    assert network.blocks == ((0, 1, 2, 3),)
    assert network.outputs(EXACT, np.array([Fraction(1)] * 4), np.array([[Fraction(-3)]])) == 1


# -- sympy ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (u1 * sympy.Abs(u2) * x1, "u1*x1*abs(u2)"),
        (sympy.Float(0.1) * u1, f"{Fraction(0.1)}*u1"),
        (u1**2.0 + sympy.Rational(3, 7), "u1**2 + 3/7"),
        (sympy.sqrt(u1**2) + sympy.sqrt(2) * u2, "abs(u1) + u2*sqrt(2)"),
        (sympy.Max(u1, 0) * sympy.exp(x1), "max(u1, 0)*exp(x1)"),
        (1 / u1 + sympy.tanh(x1), "1/u1 + tanh(x1)"),
        (3, "3"),
        (Fraction(1, 3), "1/3"),
    ],
)
def test_from_sympy(output, text):
    names = ["u1", "u2", "x1"]
    assert Expression(["u1", "u2"], ["x1"], output).tree == expand(parse(text, names)) or Expression(
        ["u1", "u2"], ["x1"], output
    ).tree == parse(text, names)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (sympy.pi * u1, "pi .*not supported"),
        (sympy.gamma(u1), "gamma.*not supported"),
        (u1**x1, "not a constant number"),
        (u1 ** sympy.Rational(1, 3), "whole numbers or halves"),
        (sympy.Heaviside(u1), "Heaviside.*not supported"),
        (sympy.I * u1, "not supported"),
        (sympy.oo, "not supported"),
        (sympy.nan, "not supported"),
        (sympy.Symbol("q") * u1, "unknown name q"),
        (sympy.Symbol("u1", positive=True), "carries assumptions"),
        (sympy.Float("1e-100000") * u1, "too large or too small"),
        (u1**1000000, "exponents up to 1000"),
        (u1 < u2, "expected text or a sympy expression"),
        (None, "expected text or a sympy expression"),
        (1j, "expected text or a sympy expression"),
        (float("nan"), "not a finite number"),
        ("u1*q", "unknown name q"),
    ],
)
def test_refused_outputs(output, message):
    with pytest.raises(BadInput, match=f"network.output.*{message}"):
        Expression(["u1", "u2"], ["x1"], output)


def test_deep_sympy_expressions_are_refused():
    deep = u1
    for _ in range(150):
        deep = sympy.Max(deep + 1, u2, evaluate=False)
    with pytest.raises(BadInput, match="nested"):
        Expression(["u1", "u2"], ["x1"], deep)


@given(own.networks_at_points(("expression",)))
def test_sympy_round_trip_and_values(drawn):
    network, w, X, _ = drawn
    symbolic = network.sympy()
    again = Expression(network.weight_names, network.input_names, symbolic)
    assert (again.outputs(EXACT, w, X) == network.outputs(EXACT, w, X)).all()
    names = [sympy.Symbol(n, real=True) for n in (*network.weight_names, *network.input_names)]
    values = [sympy.Rational(v.numerator, v.denominator) for v in (*w, *X[0])]
    value = symbolic.subs(dict(zip(names, values, strict=True)))
    assert Fraction(int(value.p), int(value.q)) == network.outputs(EXACT, w, X)[0]


# -- names, tables, domains ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "inputs", "message"),
    [
        ([], ["x1"], "network.weights: give a list"),
        ("u1", ["x1"], "network.weights: give a list"),
        (["u1"], [], "network.inputs: give a list"),
        (["u1", "u1"], ["x1"], "network.weights\\[1\\]: u1 is listed twice"),
        (["u1"], ["u1"], "u1 is also an input"),
        (["u-1"], ["x1"], "not a name"),
        (["1u"], ["x1"], "not a name"),
        (["u1\n"], ["x1"], "not a name"),
        (["u" * 65], ["x1"], "not a name"),
        ([3], ["x1"], "not a name"),
        (["max"], ["x1"], "name of a function"),
    ],
)
def test_refused_names(weights, inputs, message):
    with pytest.raises(BadInput, match=message):
        Expression(weights, inputs, "1")


@given(own.expression())
def test_tables_and_equality(network):
    table = network.to_table()
    again = Expression(table["weights"], table["inputs"], table["output"])
    assert again == network and hash(again) == hash(network) and again.to_table() == table
    assert again != Expression(table["weights"], table["inputs"], f"{table['output']} + 1")
    assert copy.deepcopy(network) == network


_READ = """
import pickle, sys
from certflow.networks.grammar import parse

network = pickle.load(sys.stdin.buffer)
again = parse(network.output, (*network.weight_names, *network.input_names))
print(network.output, hash(network.tree) == hash(again))
"""


def test_expressions_travel_to_other_processes():
    # A plain process: a pool starts another for each one that ends early, and waits for ever.
    network = Expression(["u1", "u2"], ["x1"], "u1*abs(u2)*x1")
    child = subprocess.run(
        [sys.executable, "-c", _READ], input=pickle.dumps(network), capture_output=True, timeout=300
    )
    assert child.stdout.decode().split() == [network.output, "True"], child.stderr.decode()


@pytest.mark.parametrize(
    ("text", "ar", "error", "message"),
    [
        ("sqrt(x1)*u1", FLOAT, BadInput, "sqrt of a number that is not positive"),
        ("log(x1)*u1", mp_arithmetic(30), BadInput, "log of a number that is not positive"),
        ("exp(exp(-900*x1))*u1", mp_arithmetic(30), BadInput, "exp of a number beyond 700"),
        ("sin(x1)*u1", EXACT, TypeError, "not available in exact numbers"),
    ],
)
def test_functions_outside_their_domain(text, ar, error, message):
    network = Expression(["u1"], ["x1"], text)
    with pytest.raises(error, match=message):
        network.outputs(ar, ar.array([Fraction(1)]), ar.array([[Fraction(-1)]]))


def test_leaky_powers_keep_their_kinks():
    network = written_out(FeedForward([1, 1, 1], Activation(Fraction(1, 2), 3)))
    assert network.output == "w2_1_1*max(w1_1_1*x1, 1/2*w1_1_1*x1)**3"
    assert len(network.tape.kinks) == 1


@pytest.mark.parametrize(("name", "expected"), [("min", Fraction(-26, 9)), ("max", Fraction(37, 9) ** 27)])
def test_a_branch_keeps_its_digits_next_to_a_huge_one(name, expected):
    network = Expression(weights=["v"], inputs=["x"], output=f"{name}(v**27, x*v**27)*1")
    w = np.array([Fraction(37, 9)], dtype=object)
    X = np.array([[expected / Fraction(37, 9) ** 27 if name == "min" else Fraction(0)]], dtype=object)
    rounded = network.outputs(FLOAT, FLOAT.array(w), FLOAT.array(X))[0]
    assert abs(rounded - float(expected)) <= 1e-12 * abs(float(expected))


@pytest.mark.parametrize(
    ("output", "place", "why"),
    [
        ("u1*u2/x", 0, "divides by zero"),
        ("u1*u2/(x - 1)", 1, "divides by zero"),
        ("u1*u2/(sqrt(x) - sqrt(2)*sqrt(2))", 2, "divides by zero"),
        ("u1*u2*sqrt(x - 1)", 0, "sqrt of a number"),
        ("u1*u2*log(x)", 0, "log of a number"),
    ],
)
def test_samples_at_which_the_output_is_not_defined_are_bad_input(output, place, why):
    X = [[0], [1], [4]]
    assert (
        Problem(Expression(["u1", "u2"], ["x"], "u1*u2/(x + 1)"), X, [1, 2, 3], direction=[1, 1]).order == 2
    )
    with pytest.raises(
        BadInput, match=rf"data\.X\[{place}\]: the output is not defined for this sample: .*{why}"
    ):
        Problem(Expression(["u1", "u2"], ["x"], output), X, [1, 2, 3], direction=[1, 1])
