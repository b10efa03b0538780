"""O5 and O6: groups that do not move of themselves: exact starts at a KKT point, and dead deep networks."""

from __future__ import annotations

from fractions import Fraction

from ..kernel.network import AnyPart, bounded, inner
from ..kernel.numbers import BITS, mul_up
from ..kernel.problem import Problem
from ..kernel.verdicts import Refused
from ..tube.evidence import Row


def check_exact(problem: Problem, parts: list[int], w: list[Fraction], where: str) -> None:
    """O5: the gradient of N at the start w of a group is parallel to it: w is a KKT point (L12.8)."""
    g: list[Fraction] = []
    begin = 0
    for j in parts:
        size = len(problem.indices[j])
        g += problem.part(j).gradient_at(w[begin : begin + size], problem.z)
        begin += size
    along, square = inner(w, g), inner(w, w)
    if any(b * square != a * along for a, b in zip(w, g, strict=True)):
        raise Refused("O5", where, "the start is not exactly a KKT point")


def check_silent(own: AnyPart, reach: int, end: Row, grid: int, where: str, what: str) -> None:
    """O6: of a deep network all gradients of the outputs are exactly zero at all points within `reach` of
    its end, because every sample is inactive in all neurons of a hidden layer, so it never moves again; and
    likewise of an expression (L12.9, L12.18).
    """
    bounded([own], where)
    W = [(v << (BITS - grid), v << (BITS - grid)) for v in end]
    far = [mul_up(reach, length) for length in own.lengths]
    Z = [[(a - x, b + x) for a, b in kinks] for kinks, x in zip(own.first_kinks(W), far, strict=True)]
    gradients = own.evaluate([(a - reach, b + reach) for a, b in W], Z).slopes
    if any(any(entry) for gradient in gradients for entry in gradient):
        raise Refused("O6", where, f"a sample may {what}, so it is not proved dead")
