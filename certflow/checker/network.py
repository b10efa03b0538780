"""N and its generalised Hessians on boxes of weights, by interval arithmetic (R4); `Part` is one part of a problem."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from operator import mul

from .numbers import BITS, ONE, Interval, dot, enclosed, largest, mul_up, norm_up, power, root_up, times
from .polynomials import Column, Layers

Box = list[Interval]


@dataclass
class Evaluation:
    """One part on a box: Hessian entries `middle` +- `radius`, all of them at most `above` + `loss` I as quadratic forms;
    per sample the output h_i, bounds of |grad h_i| and the gradient itself, ready for weighted sums (`slopes`)."""

    middle: list[list[int]]
    radius: list[list[int]]
    above: list[list[int]]
    loss: int
    outputs: Box
    gradient_norms: list[int]
    slopes: list[Box]


class Part:
    """One part of a problem on boxes of its weights."""

    def __init__(self, layers: Layers, shallow: bool) -> None:
        self.layers, self.shallow, self.size = layers, shallow, len(layers.places)
        self.samples, self.x, self.z, self.lengths = layers.samples, layers.samples.x, layers.samples.z, layers.samples.lengths
        self.off = layers.alpha**layers.p
        self.off_interval = enclosed(self.off)
        self.either = (min(self.off_interval[0], ONE), max(self.off_interval[1], ONE))
        out = layers.matrices[1][0][0]
        self.outgoing = None if type(out) is int else enclosed(Fraction(out))

    def passed(self, z: Interval) -> tuple[Interval, Interval, Interval]:
        """R4: sigma, sigma' and sigma'' of a kink argument, for every Clarke selection of the branches that z may be on."""
        p, first = self.layers.p, power(z, self.layers.p - 1)
        second = power(z, p - 2) if p >= 2 else (0, 0)
        found = power(z, p), (p * first[0], p * first[1]), (p * (p - 1) * second[0], p * (p - 1) * second[1])
        if self.off == 1 or z[0] >= 0:
            return found
        cell = self.off_interval if z[1] <= 0 else self.either
        return times(cell, found[0]), times(cell, found[1]), times(cell, found[2])

    def evaluate(self, W: Box, Z: list[Box]) -> Evaluation:
        """Everything on the box W of weights, with first kink arguments Z (sample by neuron)."""
        return self._shallow(W, Z) if self.shallow else self._deep(W, Z)

    def _shallow(self, W: Box, Z: list[Box]) -> Evaluation:
        v = W[-1] if self.outgoing is None else self.outgoing
        passed = [self.passed(z) for (z,) in Z]
        columns, squares = self.samples.columns, self.samples.squares
        d = len(columns)
        slopes = [times(v, first) for _, first, _ in passed]
        curvatures = [times(z, times(v, second)) for z, (_, _, second) in zip(self.z, passed, strict=True)]
        weights = _split(curvatures)
        middle = [[0] * self.size for _ in range(self.size)]
        radius = [[0] * self.size for _ in range(self.size)]
        for b in range(d):
            for c in range(b + 1):
                m, r = _weighted(weights, squares[b][c])
                middle[b][c] = middle[c][b] = m
                radius[b][c] = radius[c][b] = r
        if self.outgoing is None:
            mixed = _split([times(z, first) for z, (_, first, _) in zip(self.z, passed, strict=True)])
            for b in range(d):
                m, r = _weighted(mixed, columns[b])
                middle[b][d] = middle[d][b] = m
                radius[b][d] = radius[d][b] = r
        outputs = [times(v, value) for value, _, _ in passed]
        norms = [mul_up(largest(s), length) for s, length in zip(slopes, self.lengths, strict=True)]
        if self.outgoing is None:
            norms = [norm_up((norm, largest(value))) for norm, (value, _, _) in zip(norms, passed, strict=True)]
        above, loss = middle, norm_bound(radius)
        if self.outgoing is not None:
            # Each x x^T is positive semidefinite, so the largest weights give the largest form.
            highest = _split([(z[1], z[1]) for z in curvatures])
            sums = [[_weighted(highest, squares[max(b, c)][min(b, c)]) for c in range(d)] for b in range(d)]
            above, loss = [[m for m, _ in row] for row in sums], d * max(r for row in sums for _, r in row)
        return Evaluation(middle, radius, above, loss, outputs, norms, [slopes, [value for value, _, _ in passed]])

    def forcing(self, evaluation: Evaluation, kappa: Box) -> Box:
        """sum_i kappa_i grad h_i, per weight."""
        if not self.shallow:
            return [dot(zip(kappa, column, strict=True)) for column in evaluation.slopes]
        slopes, values = evaluation.slopes
        weights = _split([times(k, s) for k, s in zip(kappa, slopes, strict=True)])
        sums = [_weighted(weights, column) for column in self.samples.columns]
        result = [(m - r, m + r) for m, r in sums]
        return result if self.outgoing is not None else [*result, dot(zip(kappa, values, strict=True))]

    def _deep(self, W: Box, Z: list[Box]) -> Evaluation:
        matrices = [[[W[e] if type(e) is int else enclosed(Fraction(e)) for e in row] for row in m] for m in self.layers.matrices]
        low = [[0] * self.size for _ in range(self.size)]
        high = [[0] * self.size for _ in range(self.size)]
        outputs: Box = []
        gradients: list[Box] = []
        for x, z, kinks in zip(self.x, self.z, Z, strict=True):
            self.layers.clock.tick()
            run = _Run(self, matrices, x, kinks)
            outputs.append(dot(zip(matrices[-1][0], run.values[-1], strict=True)))
            gradients.append([times(run.signals[l][a], run.values[l][b]) for l, a, b in self.layers.places])
            run.add_hessian(self.layers.places, z, low, high)
        for i in range(self.size):
            for j in range(i):
                low[i][j], high[i][j] = low[j][i], high[j][i]
        middle = [[(a + b) >> 1 for a, b in zip(p, q, strict=True)] for p, q in zip(low, high, strict=True)]
        radius = [[b - m for b, m in zip(q, r, strict=True)] for q, r in zip(high, middle, strict=True)]
        norms = [norm_up(map(largest, gradient)) for gradient in gradients]
        return Evaluation(
            middle, radius, middle, norm_bound(radius), outputs, norms, [[g[k] for g in gradients] for k in range(self.size)]
        )


class _Run:
    """Forward and backward pass of one sample: `values[l]` enter layer l, `signals[l]` are dH/d(its output)."""

    def __init__(self, part: Part, matrices: list[list[Box]], x: Box, kinks: Box) -> None:
        self.matrices = matrices
        self.columns = [[[row[b] for row in m] for b in range(len(m[0]))] for m in matrices]
        self.values, self.first, self.second = [x], [], []
        z = kinks
        for l in range(len(matrices) - 1):
            if l:
                z = [dot(zip(row, self.values[-1], strict=True)) for row in matrices[l]]
            passed = [part.passed(v) for v in z]
            self.values.append([v for v, _, _ in passed])
            self.first.append([f for _, f, _ in passed])
            self.second.append([s for _, _, s in passed])
        self.signals: list[Box] = [[(ONE, ONE)]]
        self.back: list[Box] = []
        for l in range(len(matrices) - 2, -1, -1):
            self.back.insert(0, [dot(zip(column, self.signals[0], strict=True)) for column in self.columns[l + 1]])
            self.signals.insert(0, [times(q, f) for q, f in zip(self.back[0], self.first[l], strict=True)])

    def add_hessian(self, places: list[tuple[int, int, int]], z: Interval, low: list[list[int]], high: list[list[int]]) -> None:
        """Add z times the upper triangle of the Hessian of H: an entry moves only the kink arguments of its own row, by
        the value that enters there, so one tangent per neuron serves a whole row of a matrix."""
        index = {place: k for k, place in enumerate(places)}
        for l in range(len(self.matrices) - 1):
            entering = [times(z, v) for v in self.values[l]]
            for a in range(len(self.matrices[l])):
                if (l, a, 0) not in index:
                    continue
                derivative = self._tangent(l, a)
                for (m, c, d), k in index.items():
                    if (m, c) < (l, a):
                        continue
                    signal, value = derivative[m]
                    change = (0, 0)
                    if signal is not None:
                        change = times(signal[c], self.values[m][d])
                    if value is not None:
                        more = times(self.signals[m][c], value[d])
                        change = (change[0] + more[0], change[1] + more[1])
                    if change == (0, 0):
                        continue
                    for b, weight in enumerate(entering):
                        i = index[l, a, b]
                        if i <= k:
                            entry = times(weight, change)
                            low[i][k] += entry[0]
                            high[i][k] += entry[1]

    def _tangent(self, l: int, a: int) -> list[tuple[Box | None, Box | None]]:
        """Per layer m the derivatives of `signals[m]` and `values[m]` by kink argument a of layer l (None: zero)."""
        last = len(self.matrices) - 1
        dz: list[Box] = [[] for _ in self.matrices]
        values: list[Box | None] = [None] * len(self.matrices)
        dz[l] = [(ONE, ONE) if c == a else (0, 0) for c in range(len(self.matrices[l]))]
        for m in range(l, last):
            moved = [times(f, v) for f, v in zip(self.first[m], dz[m], strict=True)]
            values[m + 1] = moved
            dz[m + 1] = [dot(zip(row, moved, strict=True)) for row in self.matrices[m + 1]]
        signals: list[Box | None] = [None] * len(self.matrices)
        for m in range(last - 1, l - 1, -1):
            above = signals[m + 1]
            own = []
            for b, (second, v, q) in enumerate(zip(self.second[m], dz[m], self.back[m], strict=True)):
                low, high = times(times(second, v), q)
                if above is not None:
                    more = times(self.first[m][b], dot(zip(self.columns[m + 1][b], above, strict=True)))
                    low, high = low + more[0], high + more[1]
                own.append((low, high))
            signals[m] = own
        return list(zip(signals, values, strict=True))


def norm_bound(matrix: list[list[int]]) -> int:
    """A bound of the spectral norm of a symmetric matrix R with non-negative entries: Frobenius, or max_i (R y)_i / y_i for
    a positive vector y (Collatz and Wielandt), here y = R^2 (1, ..., 1)."""
    y = [ONE] * len(matrix)
    for _ in range(2):
        y = [(sum(map(mul, row, y)) >> BITS) + 1 for row in matrix]
    quotients: list[int] = [-(-sum(map(mul, row, y)) // v) for row, v in zip(matrix, y, strict=True)]
    return min(norm_up(v for row in matrix for v in row), max(map(sum, matrix)), max(quotients))


def _split(intervals: Box) -> tuple[list[int], list[int], int]:
    """Middles, radii, and the sum of largest absolute values."""
    middles = [(a + b) >> 1 for a, b in intervals]
    radii = [b - m for (_, b), m in zip(intervals, middles, strict=True)]
    return middles, radii, sum(map(abs, middles)) + sum(radii)


def _weighted(weights: tuple[list[int], list[int], int], column: Column) -> tuple[int, int]:
    """(middle, radius) of sum_i weight_i column_i; every column entry may be one unit off."""
    middles, radii, total = weights
    return sum(map(mul, middles, column[0])) >> BITS, ((sum(map(mul, radii, column[1])) + total) >> BITS) + 2


def output_bounds(layers: Layers, outgoing: Fraction | None) -> list[Fraction]:
    """R4: beta_i >= |h_i| of one neuron with weights of norm 1 (order 2): |v| |x|^2 or |x|/2; |alpha| <= 1."""
    squares = layers.samples.lengths2
    return [root_up(square, 2) / 2 if outgoing is None else abs(outgoing) * square for square in squares]
