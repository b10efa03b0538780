"""Early-direction theorems about expressions: which are proved and accepted, that a name or an order of terms
changes nothing, and why others are not.
"""

import json
from fractions import Fraction

import pytest

from certflow.checker import check_text
from certflow.flow.propose.centres import groups_of
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.running import deadline
from certflow.theorems.early_direction.certificate import certificate
from certflow.theorems.early_direction.prove import certify

X = [["1", "1/2"], ["-1/3", "1"], ["7/10", "-3/5"], ["-1", "-1/5"]]
Y = ["1", "-1/2", "4/5", "3/10"]
NAMES = ["a", "b", "c", "d"]
START = ["1", "1/2", "-3/4", "6/5"]
EPSILON = Fraction(1, 50)


def proved(network, direction=START, X=X, y=Y):
    """The claim of a theorem that the checker accepts."""
    found = certify(Problem(network, X, y, direction=direction), EPSILON)
    assert found.claim is not None, found.reason
    verdict = check_text(certificate(found))
    assert verdict.verdict == "accepted", verdict
    return found.claim


def expression(text, names=NAMES):
    return Expression(names, ["x", "y"], text)


@pytest.mark.parametrize(
    ("text", "outcomes"),
    [
        ("a*c*x + b*d*y", ["converges", "converges"]),
        ("(a*x + b*y)*(c*x + d*y)", ["converges"]),
        ("x*(a**3 - c**3) + y*(b**3 - d**3)", ["converges"]),
        ("(a*x + b*y)**2 - (c*x + d*y)**2", ["converges", "converges"]),
        ("max(a*x + b*y, 0)**2 - min(c*x + d*y, 0)**2/3", ["converges", "shrinks"]),
        ("a*max(b*x - c*y, 0)**2 + abs(d)**3*y", ["converges"]),
        ("x*(a**2 - b**2) + y*(c**2 - d**2)", ["converges", "shrinks", "shrinks", "converges"]),
    ],
)
def test_theorems_about_expressions_are_accepted(text, outcomes):
    claim = proved(expression(text))
    assert [block.outcome.value for block in claim.blocks] == outcomes


def alike(one, two):
    """Whether two claims say the same up to rounding."""
    assert [block.outcome for block in one.blocks] == [block.outcome for block in two.blocks]
    for a, b in ((one.delta_bar, two.delta_bar), (one.radius, two.radius)):
        assert (a is None and b is None) or abs(float(a / b) - 1) < 0.3
    for own, other in zip(one.blocks, two.blocks, strict=True):
        if own.kkt_point is not None:
            distances = zip(own.kkt_point.centre, other.kkt_point.centre, strict=True)
            assert max(abs(float(a - b)) for a, b in distances) < 1e-9
            assert abs(float(own.gap[0] / other.gap[0]) - 1) < 0.05


def test_a_layered_network_and_its_expression_have_the_same_theorem():
    layered = proved(OneLayer(2, 2, Activation(0, 2), [1, -1]))
    written = proved(expression("max(a*x + b*y, 0)**2 - max(c*x + d*y, 0)**2"))
    alike(layered, written)
    linear = proved(TwoLayer(2, 1, Activation(1, 1)), direction=["1", "1/2", "1"])
    alike(linear, proved(expression("c*(a*x + b*y)", NAMES[:3]), direction=["1", "1/2", "1"]))


def test_names_and_the_order_of_terms_change_nothing():
    text = "(a*x + b*y)**2 - max(c*x + d*y, 0)**2"
    one = proved(expression(text))
    renamed = text
    for old, new in zip(NAMES, ("_1", "w9", "Z", "t"), strict=True):
        renamed = renamed.replace(f"{old}*", f"{new}*")
    two = proved(expression(renamed, ["_1", "w9", "Z", "t"]))
    assert (one.delta_bar, one.radius, one.blocks) == (two.delta_bar, two.radius, two.blocks)
    alike(one, proved(expression("-max(d*y + c*x, 0)**2 + (b*y + a*x)**2")))


def test_a_dead_block_and_a_block_of_zeros():
    claim = proved(expression("max(a, 0)**2*x**2 + max(b, 0)**2*x**2 + c*d*y"), ["-1", "1", "1", "2"])
    assert [block.outcome.value for block in claim.blocks] == ["dead", "converges", "converges"]
    claim = proved(expression("a**2*x + b**2*x**2 + c*d*y"), ["0", "1", "1", "2"])
    assert [block.outcome.value for block in claim.blocks] == ["zero", "converges", "converges"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a*abs(b)*x + c*d*y", "may jump at the kink of abs(b)"),
        ("sqrt(a**4 + b**4)*x + c*d*y", "not piecewise polynomial"),
        ("((a + b)**3 - a**3 - b**3)/(a + b)*x + c*d*y", "not piecewise polynomial"),
        ("a*b*exp(x) + c*d*y", "not computed exactly"),
        ("(a + b)*(a - b)*x + c*d*y", "multiplied out"),
    ],
)
def test_why_others_are_not_certified(text, reason):
    found = certify(Problem(expression(text), X, Y, direction=START), EPSILON)
    assert found.claim is None and reason in found.reason


def test_groups_are_the_parts_of_the_sum_as_it_is_written():
    given = Problem(expression("a*c*x + b*d*y"), X, Y, direction=START)
    assert groups_of(given) == [((0, 2),), ((1, 3),)]
    cubic = Problem(expression("x*(a**3 - c**3) + y*b**2*d"), X, Y, direction=START)
    assert groups_of(cubic) == [((0, 1, 2, 3),)]
    with pytest.raises(Inconclusive, match="multiplied out"):
        groups_of(Problem(expression("(a + b)*(a - b)*x + c*d*y"), X, Y, direction=START))


def test_an_expression_with_many_weights_ends_within_its_time():
    size = 60
    names = [f"u{i}" for i in range(size)]
    text = " + ".join(f"{names[i]}*{names[(i + 1) % size]}*{names[(i + 7) % size]}*x" for i in range(size))
    problem = Problem(Expression(names, ["x"], text), [["1"], ["2"]], ["1", "1/2"], seed=1)
    with deadline(3):
        found = certify(problem, EPSILON)
    assert found.claim is not None or found.reason


def test_the_certificate_holds_the_expression_as_it_was_written():
    text = "(a*x + b*y)*(c*x + d*y)"
    found = certify(Problem(expression(text), X, Y, direction=START), EPSILON)
    network = json.loads(certificate(found))["problem"]["network"]
    assert network == {"kind": "expression", "weights": NAMES, "inputs": ["x", "y"], "output": text}
