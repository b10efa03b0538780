"""N of an expression as a sum of monomials, against its values in rationals."""

import random
from fractions import Fraction as F

import pytest

from certflow.checker.expressions import expansion
from certflow.checker.expressions.expansion import monomials
from certflow.checker.kernel.problem import Problem
from certflow.checker.kernel.verdicts import Clock, Refused


def read(text, weights="a b c", X=(("1", "2"), ("-1/2", "3")), y=("1", "-2/3")):
    content = {
        "network": {"kind": "expression", "weights": weights.split(), "inputs": ["x", "y"], "output": text},
        "data": {"X": [list(row) for row in X], "y": list(y)},
        "loss": {"kind": "square", "reduction": "sum"},
        "direction": ["1"] * len(weights.split()),
    }
    return Problem(content, Clock(None), expressions=True)


def expanded(text, **more):
    (tape,) = read(text, **more).tapes
    return monomials(tape, "here")


def test_monomials_by_hand():
    # z = (1, -2/3): x sums to 1 + 1/3, y to 2 - 2, x^2 to 1 - 1/6.
    assert expanded("x*a*b*c + y*a**2*b + (a*x - c)**3 - (a*x)**3 + c**3") == {
        (0, 1, 2): F(4, 3),
        (0, 0, 2): -3 * F(5, 6),
        (0, 2, 2): 3 * F(4, 3),
    }
    assert expanded("abs(a*x + b)**2*c") == {
        (0, 0, 2): F(5, 6),
        (0, 1, 2): 2 * F(4, 3),
        (1, 1, 2): F(1, 3),
    }


@pytest.mark.parametrize(
    "text", ["(a + x*b)**3*(c - y*a)", "a*b*(c - b)**2/3 - (x*a*b - c**2)**2", "x*(a + b + c)**4"]
)
def test_n_is_the_sum_of_its_monomials(text):
    problem, rng = read(text), random.Random(text)
    found = monomials(problem.tapes[0], "here")
    for _ in range(3):
        a, b, c = w = [F(rng.randint(-9, 9), rng.randint(1, 4)) for _ in range(3)]
        value = F(0)
        for powers, number in found.items():
            for k in powers:
                number *= w[k]
            value += number
        outputs = [eval(text, {}, {"a": a, "b": b, "c": c, "x": x, "y": y}) for x, y in problem.samples]
        assert value == sum(z * h for z, h in zip(problem.z, outputs, strict=True))
    assert all(found.values()) and all(list(key) == sorted(key) for key in found)


def test_what_is_too_long_is_refused(monkeypatch):
    why = "N has too many monomials, or too long numbers, to be multiplied out"

    def refused(text):
        with pytest.raises(Refused) as error:
            expanded(text)
        assert (error.value.rule, error.value.where, error.value.reason) == ("O10", "here", why)

    assert len(expanded("(a + b + c)**4")) == 15
    monkeypatch.setattr(expansion, "MAX_MONOMIALS", 15)
    assert len(expanded("(a + b + c)**4")) == 15
    refused("(a + b + c)**5")
    monkeypatch.setattr(expansion, "MAX_MONOMIALS", 20_000)
    # 3 sums of terms, (a + b)^2 and the product with a number, for two samples, and the running total.
    monkeypatch.setattr(expansion, "MAX_TERMS", 5)
    refused("(a + b)**2*c")
    monkeypatch.setattr(expansion, "MAX_TERMS", 2_000_000)
    monkeypatch.setattr(expansion, "MAX_BITS", 40)
    assert expanded("2**60*a**3 + b*c**2")
    refused("2**90*a**3 + b*c**2")
