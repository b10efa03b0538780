"""O5 and O6: groups that do not move of themselves: exact starts at a KKT point, and dead deep networks."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..kernel.network import Part, bounded
from ..kernel.numbers import BITS, mul_up
from ..kernel.passes import passes
from ..kernel.polynomials import Layers
from ..kernel.problem import Problem
from ..kernel.verdicts import Refused
from ..tube.evidence import Row


def gradient_at(layers: Layers, w: list[Fraction], weights: list[Fraction]) -> list[Fraction]:
    """grad N, with these weights of the samples, of one part at its weights w, exactly; where a kink argument
    is zero the activation of a power above 1 has the derivative 0 (L12.8).
    """

    def activation(z: Fraction) -> tuple[Fraction, Fraction]:
        cell = Fraction(1) if z > 0 else layers.alpha**layers.p
        return cell * z**layers.p, layers.p * cell * z ** (layers.p - 1)

    matrices, total = layers.filled(w, Fraction), [Fraction(0)] * len(w)
    for x, z in zip(layers.samples.rows, weights, strict=True):
        layers.samples.clock.tick()
        kinks = [_inner(row, x) for row in matrices[0]]
        run = passes(matrices, x, kinks, [z], _inner, activation)
        for k, (l, a, b) in enumerate(layers.places):
            total[k] += run.signals[l][a] * run.values[l][b]
    return total


def check_exact(problem: Problem, parts: list[int], w: list[Fraction], where: str) -> None:
    """O5: the gradient of N at the start w of a group is parallel to it: w is a KKT point (L12.8)."""
    g: list[Fraction] = []
    begin = 0
    for j in parts:
        size = len(problem.indices[j])
        g += gradient_at(problem.layers[j], w[begin : begin + size], problem.z)
        begin += size
    inner, square = _inner(w, g), _inner(w, w)
    if any(b * square != a * inner for a, b in zip(w, g, strict=True)):
        raise Refused("O5", where, "the start is not exactly a KKT point")


def check_silent(problem: Problem, reach: int, end: Row, grid: int, where: str) -> None:
    """O6: of a deep network all gradients of the outputs are exactly zero at all points within `reach` of
    its end, because every sample is inactive in all neurons of a hidden layer, so it never moves again
    (L12.9).
    """
    own = Part(problem.layers[0], False)
    bounded([own], where)
    W = [(v << (BITS - grid), v << (BITS - grid)) for v in end]
    far = [mul_up(reach, length) for length in own.lengths]
    Z = [[(a - x, b + x) for a, b in kinks] for kinks, x in zip(own.first_kinks(W), far, strict=True)]
    gradients = own.evaluate([(a - reach, b + reach) for a, b in W], Z).slopes
    if any(any(entry) for gradient in gradients for entry in gradient):
        raise Refused("O6", where, "a sample may be active in every hidden layer, so it is not proved dead")


def _inner(u: Sequence[Fraction], v: Sequence[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))
