"""O10: N of an expression as a sum of monomials, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..kernel.verdicts import Refused
from .tape import Kind, Program, Tape
from .text import MAX_BITS, Operation

MAX_MONOMIALS, MAX_TERMS = 20_000, 2_000_000
"""Most monomials of one polynomial, and terms that are made on the way."""

Monomials = dict[tuple[int, ...], Fraction]
"""Weights in increasing order, each as often as its power -> number that is not zero."""


class _Expansion:
    """Sums of products of polynomials, as long as all are short."""

    def __init__(self, tape: Tape, where: str) -> None:
        self.clock, self.where, self.terms = tape.samples.clock, where, 0

    def product(self, left: Sequence[Monomials], right: Sequence[Monomials]) -> Monomials:
        """The sum of the products."""
        total: Monomials = {}
        for p, q in zip(left, right, strict=True):
            self.terms += len(p) * len(q)
            self._need(self.terms <= MAX_TERMS)
            for a, u in p.items():
                self.clock.tick()
                for b, v in q.items():
                    key = tuple(sorted(a + b))
                    total[key] = total.get(key, Fraction(0)) + u * v
        return self._short(total)

    def power(self, base: Monomials, step: Operation) -> list[Monomials]:
        """The value of a step without a kink."""
        value = base
        for _ in range(step.power - 1):
            value = self.product([value], [base])
        return [value]

    def _short(self, found: Monomials) -> Monomials:
        found = {key: v for key, v in found.items() if v}
        self._need(len(found) <= MAX_MONOMIALS)
        longest = max((max(abs(v.numerator), v.denominator).bit_length() for v in found.values()), default=0)
        self._need(longest <= 2 * MAX_BITS)
        return found

    def _need(self, short: bool) -> None:
        if not short:
            reason = "N has too many monomials, or too long numbers, to be multiplied out"
            raise Refused("O10", self.where, reason)


def monomials(tape: Tape, where: str) -> Monomials:
    """N of a part whose steps have no kinks, multiplied out (L12.19)."""
    own = _Expansion(tape, where)
    program = Program(tape, Kind(lambda v: {(): v} if v else {}, own.product, own.power))
    weights: list[Monomials] = [{(k,): Fraction(1)} for k in range(tape.size)]
    total: Monomials = {}
    for i, z in enumerate(tape.samples.weights):
        output, _ = program.forwards(i, weights)
        total = own.product([total, output], [{(): Fraction(1)}, {(): z}])
    return total
