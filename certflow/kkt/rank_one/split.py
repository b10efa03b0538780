"""A first layer with both signs under leaky layers, 0 < τ < 1, at least three layers: roots of polynomials (L6.35.3).

With η the quotient of the lengths of positive and negative entries of a_1, ε that of the signs of b_2 there, k± their numbers,

    f(η) = (ε - τ η^(p-1)) |den|^(κ-1) - c (A/B) (η^(p-1) - τ ε) |num|^(κ-1),
    num = ε k+ η^(p+1) + τ k-,   den = ε τ k+ η^(p+1) + k-,   κ = p^(D-2),

vanishes, where c = 1 if num and den have one sign, and c = -τ^(-κ/p) or -τ^(κ/p) otherwise. Roots are isolated by Sturm's
theorem.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import UNKNOWN
from certflow.kkt.rank_one.construct import Size
from certflow.running import tick

Polynomial = list[int]
"""Integer coefficients, the constant one first; the last is not 0."""


@dataclass(frozen=True, eq=False)
class SplitRatio:
    """The lengths of the negative entries of a_1 (`ratio`, relative to the positive ones) and the signs of b_2 (as in `Shape`).

    `second` is 0 if layer 2 sees one sign, which `lead` makes positive; otherwise it sees both, and a_2 has the sign `second`.
    """

    ratio: Size
    flip: int
    lead: int
    second: int


def split_ratios(
    p: int, tau: Fraction, kappa: int, quotient: Fraction, counts: tuple[int, int], bits: int
) -> Iterator[SplitRatio | None]:
    """All solutions for A/B = `quotient` != 0 and the numbers of positive and negative entries; None for one that is not decided.

    p >= 2, 0 < tau < 1, kappa = p^(D-2) >= p.
    """
    k_plus, k_minus = counts
    for epsilon in (1, -1):
        num = [tau * k_minus] + [Fraction(0)] * p + [Fraction(epsilon * k_plus)]
        den = [Fraction(k_minus)] + [Fraction(0)] * p + [epsilon * tau * k_plus]
        left = [Fraction(epsilon)] + [Fraction(0)] * (p - 2) + [-tau]
        right = [-tau * epsilon] + [Fraction(0)] * (p - 2) + [Fraction(1)]
        tops, bottoms = _power(num, kappa - 1), _power(den, kappa - 1)
        for second, c in ((0, Fraction(1)), (1, -1 / tau ** (kappa // p)), (-1, -(tau ** (kappa // p)))):
            for odd in {1, (-1) ** (kappa - 1)}:  # the sign of |num|^(κ-1) |den|^(κ-1) over num^(κ-1) den^(κ-1)
                minus = [-c * quotient * odd * v for v in _product(right, tops)]
                for eta in positive_roots(_sum(_product(left, bottoms), minus), bits):
                    signs = [_value(each, eta).sign() for each in (num, den)]
                    if UNKNOWN in signs:
                        yield None
                    elif (signs[0] == signs[1]) == (second == 0) and (signs[0] * signs[1]) ** (kappa - 1) == odd:
                        lead = epsilon * signs[0] if second == 0 else 1
                        yield SplitRatio(Size(1 / eta, None), epsilon, lead, second * epsilon * signs[0])


# -- polynomials -------------------------------------------------------------------------------------------------------


def _product(a: list[Fraction], b: list[Fraction]) -> list[Fraction]:
    result = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, u in enumerate(a):
        tick()
        for j, v in enumerate(b):
            result[i + j] += u * v
    return result


def _power(a: list[Fraction], exponent: int) -> list[Fraction]:
    result = [Fraction(1)]
    for _ in range(exponent):
        result = _product(result, a)
    return result


def _sum(a: list[Fraction], b: list[Fraction]) -> list[Fraction]:
    size = max(len(a), len(b))
    return [(a[i] if i < len(a) else Fraction(0)) + (b[i] if i < len(b) else Fraction(0)) for i in range(size)]


def _value(coefficients: list[Fraction], x: Ball) -> Ball:
    total = Ball(0, x.bits)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def _integers(coefficients: list[Fraction]) -> Polynomial:
    """A positive multiple with coprime integers and without leading zeros."""
    common = math.lcm(*(Fraction(c).denominator for c in coefficients))
    whole = [int(c * common) for c in coefficients]
    while whole and whole[-1] == 0:  # ends: a coefficient is dropped
        whole.pop()
    divisor = math.gcd(*whole) or 1
    return [c // divisor for c in whole]


def _sturm(f: Polynomial) -> list[Polynomial]:
    """f, f' and the negatives of the remainders, up to positive factors; the last one is gcd(f, f')."""
    chain = [f, _integers([Fraction(i * c) for i, c in enumerate(f)][1:])]
    while len(chain[-1]) > 1:  # ends: the degree falls
        tick()
        _, remainder = _divided(chain[-2], chain[-1])
        if not any(remainder):
            break
        chain.append(_integers([-c for c in remainder]))
    return chain


def _quotient(a: Polynomial, b: Polynomial) -> Polynomial:
    """A multiple of a/b, which is a polynomial."""
    return _integers(_divided(a, b)[0])


def _divided(a: Polynomial, b: Polynomial) -> tuple[list[Fraction], list[Fraction]]:
    """Quotient and remainder."""
    rest = [Fraction(c) for c in a]
    quotient: list[Fraction] = []
    while len(rest) >= len(b):  # ends: the degree falls
        tick()
        factor = rest[-1] / b[-1]
        quotient.append(factor)
        for i, c in enumerate(reversed(b), start=1):
            rest[-i] -= factor * c
        rest.pop()
    return quotient[::-1], rest


def _changes(chain: list[Polynomial], x: Fraction) -> int:
    """How often the signs of the chain change at x."""
    signs = [v for v in (_sign_at(f, x) for f in chain) if v]
    return sum(u != v for u, v in zip(signs, signs[1:], strict=False))


def _sign_at(f: Polynomial, x: Fraction) -> int:
    n, d, total, scale = x.numerator, x.denominator, 0, 1
    for c in reversed(f):
        total = total * n + c * scale
        scale *= d
    return (total > 0) - (total < 0)


def positive_roots(coefficients: list[Fraction], bits: int) -> Iterator[Ball]:
    """Every positive root of a polynomial that is not 0, once, enclosed to about `bits` correct bits."""
    f = _integers(coefficients)
    while f and f[0] == 0:  # ends: a coefficient is dropped
        f = f[1:]
    if len(f) < 2:
        return
    chain = _sturm(f)
    if len(chain[-1]) > 1:
        f = _quotient(f, chain[-1])
        chain = _sturm(f)
    top = Fraction(2 + max(map(abs, f)) // abs(f[-1]))
    # In (low, high] there are changes(low) - changes(high) roots.
    boxes = [(Fraction(0), top, _changes(chain, Fraction(0)), _changes(chain, top))]
    while boxes:  # ends: boxes are halved until they have at most one root, to the size asked for
        tick()
        low, high, before, after = boxes.pop()
        if before == after:
            continue
        if before - after == 1 and low and (high - low) * 2**bits < low:
            yield Ball.interval(low, high, bits + 32)
            continue
        middle = (low + high) / 2
        inside = _changes(chain, middle)
        boxes += [(low, middle, before, inside), (middle, high, inside, after)]
