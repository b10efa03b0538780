"""A first layer with both signs under leaky layers, 0 < τ < 1, at least three layers: roots of polynomials
(L6.35.3).

With η the quotient of the lengths of positive and negative entries of a_1, ε that of the signs of b_2 there,
k± their numbers,

    f(η) = (ε - τ η^(p-1)) |den|^(κ-1) - c (A/B) (η^(p-1) - τ ε) |num|^(κ-1),
    num = ε k+ η^(p+1) + τ k-,   den = ε τ k+ η^(p+1) + k-,   κ = p^(D-2),

vanishes, where c = 1 if num and den have one sign, and c = -τ^(-κ/p) or -τ^(κ/p) otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from certflow.algebra.directions import reduced
from certflow.algebra.real_roots import evaluated, positive_roots, trimmed
from certflow.arithmetic.base import UNKNOWN
from certflow.kkt.rank_one.construct import Size
from certflow.running import tick


@dataclass(frozen=True, eq=False)
class SplitRatio:
    """The lengths of the negative entries of a_1 (`ratio`, relative to the positive ones) and the signs of
    b_2 (as in `Shape`).

    `second` is 0 if layer 2 sees one sign, which `lead` makes positive; otherwise it sees both, and a_2 has
    the sign `second`.
    """

    ratio: Size
    flip: int
    lead: int
    second: int


def split_ratios(
    p: int, tau: Fraction, kappa: int, quotient: Fraction, counts: tuple[int, int], bits: int
) -> Iterator[SplitRatio | None]:
    """All solutions for A/B = `quotient` != 0 and the numbers of positive and negative entries; None for one
    that is not decided (L6.35).

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
            for odd in {
                1,
                (-1) ** (kappa - 1),
            }:  # the sign of |num|^(κ-1) |den|^(κ-1) over num^(κ-1) den^(κ-1)
                minus = [-c * quotient * odd * v for v in _product(right, tops)]
                whole, _ = reduced(_sum(_product(left, bottoms), minus)[::-1])
                for eta in positive_roots(trimmed(whole), bits):
                    signs = [evaluated(each[::-1], eta).sign() for each in (num, den)]
                    if UNKNOWN in signs:
                        yield None
                    elif (signs[0] == signs[1]) == (second == 0) and (signs[0] * signs[1]) ** (
                        kappa - 1
                    ) == odd:
                        lead = epsilon * signs[0] if second == 0 else 1
                        yield SplitRatio(Size(1 / eta, None), epsilon, lead, second * epsilon * signs[0])


# -- polynomials ---------------------------------------------------------------------------------------------


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
    return [
        (a[i] if i < len(a) else Fraction(0)) + (b[i] if i < len(b) else Fraction(0)) for i in range(size)
    ]
