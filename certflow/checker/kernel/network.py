"""N and its generalised Hessians on boxes of weights, by interval arithmetic (R4); `Part` is one part of a
problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import mul
from typing import Protocol

from .definite import Matrix
from .numbers import (
    BITS,
    ONE,
    Interval,
    around,
    dot,
    down,
    enclosed,
    largest,
    mul_up,
    norm_up,
    power,
    times,
    up,
)
from .passes import Passes, passes
from .polynomials import Column, Layers, Polynomial, Samples, first_kinks, gradient
from .verdicts import Refused

Box = list[Interval]
Weights = tuple[list[int], list[int], int]

MAX_STORED = 200_000


@dataclass
class Evaluation:
    """One part on a box: Hessian entries `middle` +- `radius`, all of them at most `above` + `loss` I as
    quadratic forms; per sample the output h_i, bounds of |grad h_i| and the gradient itself, ready for
    weighted sums (`slopes`).
    """

    middle: Matrix
    radius: Matrix
    above: Matrix
    loss: int
    outputs: Box
    gradient_norms: list[int]
    slopes: list[Box]


class AnyPart(Protocol):
    """One part of a problem, in whatever way the network is given. `stored` is how many intervals an
    evaluation keeps for all samples, `z` the weights of the samples in N; first kink arguments move by at
    most `lengths` times what the weights move.
    """

    size: int
    stored: int
    samples: Samples
    z: Box
    lengths: list[int]

    def first_kinks(self, W: Box) -> list[Box]:
        """The arguments of the first kinks on the box W of weights, sample by sample."""

    def evaluate(self, W: Box, Z: list[Box]) -> Evaluation:
        """Everything on the box W of weights, with first kink arguments Z (sample by neuron)."""

    def everywhere(self) -> Evaluation:
        """Everything on a box that holds all weights of norm at most 1."""

    def forcing(self, evaluation: Evaluation, kappa: Box) -> Box:
        """sum_i kappa_i grad h_i, per weight."""

    def kinks_along(self, u: list[Polynomial], keep: int) -> Iterator[list[Polynomial]]:
        """R3: the first kink arguments along a piece of a curve, sample by sample."""

    def gradient_along(self, u: list[Polynomial], keep: int) -> list[Polynomial]:
        """R3: grad N along a piece of a curve."""

    def gradient_at(self, w: list[Fraction], weights: list[Fraction]) -> list[Fraction]:
        """grad N, with these weights of the samples, at the weights w, exactly."""


class Part:
    """One part of a problem on boxes of its weights. `stored` is how many intervals an evaluation keeps for
    all samples.
    """

    def __init__(self, layers: Layers, shallow: bool) -> None:
        samples = layers.samples
        self.layers, self.shallow, self.size, self.samples = layers, shallow, len(layers.places), samples
        self.x, self.z, self.lengths = samples.x, samples.z, samples.lengths
        self.off = enclosed(layers.alpha**layers.p)
        out = layers.matrices[1][0][0]
        self.outgoing = None if isinstance(out, int) else enclosed(out)
        self.stored = len(self.x) * (1 if shallow else self.size)

    def passed(self, z: Interval) -> tuple[Interval, Interval, Interval]:
        """R4: sigma, sigma' and sigma'' of a kink argument, for every Clarke selection of the branches
        that z may be on (L3.1)."""
        return branched_box(z, self.off, (ONE, ONE), self.layers.p)

    def first_kinks(self, W: Box) -> list[Box]:
        """The arguments of the first kinks on the box W of weights, sample by sample."""
        rows = self.layers.first(W)
        return [[dot(row, x) for row in rows] for x in self.x]

    def kinks_along(self, u: list[Polynomial], keep: int) -> Iterator[list[Polynomial]]:
        """R3: the first kink arguments along a piece of a curve, sample by sample."""
        return first_kinks(self.layers, u, keep)

    def gradient_along(self, u: list[Polynomial], keep: int) -> list[Polynomial]:
        """R3: grad N along a piece of a curve."""
        return gradient(self.layers, u, keep)

    def gradient_at(self, w: list[Fraction], weights: list[Fraction]) -> list[Fraction]:
        """grad N, with these weights of the samples, at the weights w, exactly; where a kink argument is zero
        the activation of a power above 1 has the derivative 0 (L12.8).
        """

        def activation(z: Fraction) -> tuple[Fraction, Fraction]:
            cell = Fraction(1) if z > 0 else layers.alpha**layers.p
            return cell * z**layers.p, layers.p * cell * z ** (layers.p - 1)

        layers = self.layers
        matrices, total = layers.filled(w, Fraction), [Fraction(0)] * len(w)
        for x, z in zip(layers.samples.rows, weights, strict=True):
            layers.samples.clock.tick()
            run = passes(matrices, x, [inner(row, x) for row in matrices[0]], [z], inner, activation)
            for k, (l, a, b) in enumerate(layers.places):
                total[k] += run.signals[l][a] * run.values[l][b]
        return total

    def everywhere(self) -> Evaluation:
        """Everything on a box that holds all weights of norm at most 1."""
        return self.evaluate([(-ONE, ONE)] * self.size, [[(-length, length)] for length in self.lengths])

    def evaluate(self, W: Box, Z: list[Box]) -> Evaluation:
        """Everything on the box W of weights, with first kink arguments Z (sample by neuron) (L3.1)."""
        self.samples.clock.tick()
        return self._shallow(W, Z) if self.shallow else self._deep(W, Z)

    def _shallow(self, W: Box, Z: list[Box]) -> Evaluation:
        v = W[-1] if self.outgoing is None else self.outgoing
        passed = [self.passed(z) for (z,) in Z]
        values, slopes = [value for value, _, _ in passed], [times(v, first) for _, first, _ in passed]
        outputs = [times(v, value) for value in values]
        curvatures = [times(z, times(v, second)) for z, (_, _, second) in zip(self.z, passed, strict=True)]
        norms = [mul_up(largest(s), length) for s, length in zip(slopes, self.lengths, strict=True)]
        if self.outgoing is not None and self.layers.p == 2:
            self._join(curvatures, Z, self.outgoing)
        lower = self._squares(curvatures)
        if self.outgoing is None:
            mixed = [times(z, first) for z, (_, first, _) in zip(self.z, passed, strict=True)]
            lower.append([*self._sums(_split(mixed), self.samples.columns), (0, 0)])
            norms = [norm_up((norm, largest(value))) for norm, value in zip(norms, values, strict=True)]
        middle, radius = _mirrored(lower)
        above, loss = middle, norm_bound(radius)
        if self.outgoing is not None:
            # Each x x^T is positive semidefinite, so the largest weights give the largest form.
            above, errors = _mirrored(self._squares([(high, high) for _, high in curvatures]))
            loss = len(errors) * max(map(max, errors))
        return Evaluation(middle, radius, above, loss, outputs, norms, [slopes, values])

    def _join(self, curvatures: Box, Z: list[Box], v: Interval) -> None:
        """R4: samples on one line through 0 change sides together. Where a kink of theirs is met, what they
        contribute is that of one side or that of the other, as a multiple of x x^T of the first (L3.1).
        """
        off = self.layers.alpha**2
        for members, own, opposite in self.samples.lines:
            if any(Z[i][0][0] < 0 < Z[i][0][1] for i in members):
                low, high = sorted((own + off * opposite, off * own + opposite))
                for i in members:
                    curvatures[i] = (0, 0)
                curvatures[members[0]] = times(v, (down(2 * low), up(2 * high)))

    def _sums(self, weights: Weights, columns: list[Column]) -> list[tuple[int, int]]:
        self.samples.clock.tick()
        return [_weighted(weights, column) for column in columns]

    def _squares(self, intervals: Box) -> list[list[tuple[int, int]]]:
        """The lower triangle of the sum of x x^T with these weights."""
        weights = _split(intervals)
        return [self._sums(weights, row) for row in self.samples.squares]

    def forcing(self, evaluation: Evaluation, kappa: Box) -> Box:
        """sum_i kappa_i grad h_i, per weight."""
        self.samples.clock.tick()
        if not self.shallow:
            return [dot(kappa, column) for column in evaluation.slopes]
        slopes, values = evaluation.slopes
        weights = _split([times(k, s) for k, s in zip(kappa, slopes, strict=True)])
        result = [(m - r, m + r) for m, r in self._sums(weights, self.samples.columns)]
        return result if self.outgoing is not None else [*result, dot(kappa, values)]

    def _deep(self, W: Box, Z: list[Box]) -> Evaluation:
        matrices = self.layers.filled(W, enclosed)
        low, high = ([[0] * (k + 1) for k in range(self.size)] for _ in range(2))
        outputs: Box = []
        gradients: list[Box] = []
        for x, z, kinks in zip(self.x, self.z, Z, strict=True):
            self.samples.clock.tick()
            run = passes(matrices, x, kinks, [(ONE, ONE)], dot, self.passed)
            outputs.append(dot(matrices[-1][0], run.values[-1]))
            gradients.append([times(run.signals[l][a], run.values[l][b]) for l, a, b in self.layers.places])
            self._add_hessian(run, z, low, high)
        return gathered(low, high, outputs, gradients)

    def _add_hessian(self, run: Passes[Interval], z: Interval, low: Matrix, high: Matrix) -> None:
        """Add z times the lower triangle of the Hessian of H: a weight moves only the kink arguments of its
        own row, by the value that enters there, so one tangent per neuron serves a whole row of a matrix.
        """
        places = self.layers.places
        for begin, (l, a, b) in enumerate(places):
            if b > 0 or l == len(run.matrices) - 1:
                continue
            self.samples.clock.tick()
            signals, values = _tangent(run, l, a)
            entering = [times(z, v) for v in run.values[l]]
            for k, (m, c, d) in enumerate(places[begin:], begin):
                # The entry of the gradient at (m, c, d) is signal times value.
                change = times(signals[m][c], run.values[m][d])
                if any(values[m][d]):
                    more = times(run.signals[m][c], values[m][d])
                    change = change[0] + more[0], change[1] + more[1]
                if any(change):
                    for i, weight in enumerate(entering[: k - begin + 1], begin):
                        entry = times(weight, change)
                        low[k][i] += entry[0]
                        high[k][i] += entry[1]


def _tangent(run: Passes[Interval], l: int, a: int) -> tuple[list[Box], list[Box]]:
    """Per layer the derivatives of `signals` and `values` by kink argument a of layer l."""
    last = len(run.matrices) - 1
    signals: list[Box] = [[(0, 0)] * len(box) for box in run.signals]
    values: list[Box] = [[(0, 0)] * len(box) for box in run.values]
    kinks: list[Box] = [[(ONE, ONE) if c == a else (0, 0) for c in range(len(run.matrices[l]))]] * (l + 1)
    for m in range(l, last):
        values[m + 1] = [times(first, v) for (_, first, _), v in zip(run.passed[m], kinks[m], strict=True)]
        kinks.append([dot(row, values[m + 1]) for row in run.matrices[m + 1]])
    for m in range(last - 1, l - 1, -1):
        above = [dot(column, signals[m + 1]) for column in run.columns[m + 1]]
        moved = zip(run.passed[m], kinks[m], run.back[m], above, strict=True)
        signals[m] = [dot([times(second, v), first], [q, up]) for (_, first, second), v, q, up in moved]
    return signals, values


def _mirrored(lower: list[list[tuple[int, int]]]) -> tuple[Matrix, Matrix]:
    """Middles and radii of the symmetric matrix with this lower triangle."""
    full = [[lower[max(i, j)][min(i, j)] for j in range(len(lower))] for i in range(len(lower))]
    return [[m for m, _ in row] for row in full], [[r for _, r in row] for row in full]


def inner(u: Sequence[Fraction], v: Sequence[Fraction]) -> Fraction:
    """<u, v>, exactly."""
    return sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))


def gathered(low: Matrix, high: Matrix, outputs: Box, gradients: list[Box]) -> Evaluation:
    """The evaluation with this lower triangle of the Hessian of N, from the gradients of all samples."""
    entries = [zip(*rows, strict=True) for rows in zip(low, high, strict=True)]
    middle, radius = _mirrored([list(map(around, row)) for row in entries])
    norms = [norm_up(map(largest, gradient)) for gradient in gradients]
    slopes = [list(column) for column in zip(*gradients, strict=True)]
    return Evaluation(middle, radius, middle, norm_bound(radius), outputs, norms, slopes)


def branched_box(z: Interval, left: Interval, right: Interval, p: int) -> tuple[Interval, Interval, Interval]:
    """R4: left z^p for z <= 0 and right z^p for z >= 0, and its two derivatives, for every Clarke selection
    of the branches that z may be on (L3.1, L12.17)."""
    first, second = power(z, p - 1), power(z, max(p - 2, 0))
    found = power(z, p), (p * first[0], p * first[1]), (p * (p - 1) * second[0], p * (p - 1) * second[1])
    cell = (min(left[0], right[0]), max(left[1], right[1]))
    if z[0] >= 0:
        cell = right
    elif z[1] <= 0:
        cell = left
    if cell == (ONE, ONE):
        return found
    return times(cell, found[0]), times(cell, found[1]), times(cell, found[2])


def bounded(parts: Sequence[AnyPart], where: str) -> None:
    """R1: refuse what would need much more memory than a file does."""
    if sum(part.stored for part in parts) > MAX_STORED:
        reason = f"more than {MAX_STORED} numbers would have to be kept for all samples at a time"
        raise Refused("R1", where, reason)


def sizes(middle: Matrix, radius: Matrix) -> Matrix:
    """The largest absolute values of the entries of an interval matrix."""
    rows = zip(middle, radius, strict=True)
    return [[abs(m) + r for m, r in zip(*row, strict=True)] for row in rows]


def norm_bound(matrix: list[list[int]]) -> int:
    """A bound of the spectral norm of a symmetric matrix R with non-negative entries: Frobenius, or max_i (R
    y)_i / y_i for a positive vector y (Collatz and Wielandt), here y = R^2 (1, ..., 1) (L3.5).
    """
    y = [ONE] * len(matrix)
    for _ in range(2):
        y = [(sum(map(mul, row, y)) >> BITS) + 1 for row in matrix]
    quotients: list[int] = [-(-sum(map(mul, row, y)) // v) for row, v in zip(matrix, y, strict=True)]
    return min(norm_up(v for row in matrix for v in row), max(map(sum, matrix)), max(quotients))


def _split(intervals: Box) -> Weights:
    """Middles, radii, and the sum of largest absolute values."""
    pairs = list(map(around, intervals))
    middles, radii = [m for m, _ in pairs], [r for _, r in pairs]
    return middles, radii, sum(map(abs, middles)) + sum(radii)


def _weighted(weights: Weights, column: Column) -> tuple[int, int]:
    """(middle, radius) of sum_i weight_i column_i; every column entry may be one unit off."""
    middles, radii, total = weights
    return sum(map(mul, middles, column[0])) >> BITS, ((sum(map(mul, radii, column[1])) + total) >> BITS) + 2
