"""N of one planar neuron, arc by arc: in balls, and exactly where balls do not decide.

On an arc without kinks `N(θ) = uᵀ M_A u = (S + D cos 2θ + E sin 2θ) / 2` with the coefficients S = m11 + m22,
D = m11 - m22, E = 2 m12 of the cell's matrix M_A.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gmpy2 import mpq

from certflow.algebra.directions import Direction, counterclockwise, reduced
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import UNKNOWN
from certflow.running import tick

FIXED_LINES: tuple[Direction, ...] = ((-1, 0), (-1, -1), (0, -1), (1, -1))
"""Lines that cut the circle into eighths whether or not a sample has its kink there: no arc is longer than
45°.
"""


@dataclass(frozen=True)
class CriticalLine:
    """All samples orthogonal to `direction` (in the half-turn [-180°, 0°)).

    `before` and `after` are the exact weights w of their part `w p pᵀ` of M_A, p = `normal`, when a
    counterclockwise turn has not yet passed `direction`, and when it has; passing the opposite direction
    undoes the change.
    """

    direction: Direction
    before: mpq
    after: mpq

    @property
    def normal(self) -> Direction:
        """`direction` turned by +90°."""
        return (-self.direction[1], self.direction[0])


def critical_lines(
    X: Sequence[Sequence[Fraction]], z: Sequence[Fraction], off: Fraction | mpq
) -> list[CriticalLine]:
    """The critical lines of `Σ z_i c_i (u·x_i)²`, c_i = 1 where u·x_i > 0 and `off` where it is < 0,
    counterclockwise from -180°; X is n × 2. Samples with x_i = 0 or z_i = 0 have none. The four `FIXED_LINES`
    are always among them (L6.3).
    """
    switched_on: dict[Direction, list[mpq]] = {line: [] for line in FIXED_LINES}
    switched_off: dict[Direction, list[mpq]] = {line: [] for line in FIXED_LINES}
    for (x, y), weight in zip(X, z, strict=True):
        if weight == 0 or (x == 0 and y == 0):
            continue
        (p, q), scale = reduced((x, y))
        # u·x turns from negative to positive where u passes (q, -p), which +90° carries to x.
        on_below = p > 0 or (p == 0 and q < 0)
        side, key = (switched_on, (q, -p)) if on_below else (switched_off, (-q, p))
        side.setdefault(key, []).append(mpq(weight) * mpq(scale) ** 2)
    directions = list(switched_on.keys() | switched_off.keys())
    lines, off = [], mpq(off)
    for place in counterclockwise([(-x, -y) for x, y in directions]):
        direction = directions[place]
        on, gone = exact_sum(switched_on.get(direction, ())), exact_sum(switched_off.get(direction, ()))
        lines.append(CriticalLine(direction, off * on + gone, on + off * gone))
    return lines


Coefficients = tuple[Ball, Ball, Ball]
"""S, D, E of one arc."""


class Cells:
    """The 2 m arcs between the directions of m critical lines; arc k begins at `direction(k)`, the first
    at -180° (L6.3)."""

    def __init__(self, lines: Sequence[CriticalLine]) -> None:
        self._lines = lines
        self.count = 2 * len(lines)
        # The exact D, E of the arc last asked for: on the way from one undecided place to the next only the
        # lines in between are added, so that many dead arcs do not cost a sum over all samples each.
        self._known: tuple[int, mpq, mpq] | None = None
        self.weighted = self._count_weights()
        """How many critical lines have weight on each arc: the length of its exact sums."""

    def _count_weights(self) -> list[int]:
        count = sum(line.before != 0 for line in self._lines)
        change = [(line.after != 0) - (line.before != 0) for line in self._lines]
        counts = []
        for step in (*change, *(-c for c in change)):
            tick()
            count += step
            counts.append(count)
        return counts

    def direction(self, arc: int) -> Direction:
        """Where arc `arc` begins and the one before it ends (any whole number, counted around the circle)."""
        half, index = divmod(arc % self.count, len(self._lines))
        x, y = self._lines[index].direction
        return (-x, -y) if half else (x, y)

    def coefficients(self, bits: int) -> Iterator[Coefficients]:
        """S, D, E of arc 0, 1, ..., in balls that work at `bits`; exact zeros where no sample has weight."""
        zero = Ball(0, bits)
        sums = [zero, zero, zero]
        jumps: list[Sequence[Ball]] = []
        for line in self._lines:
            factors = _factors(line)
            if line.before:
                weight = enclosed(line.before, bits)
                sums = [total + weight * factor for total, factor in zip(sums, factors, strict=True)]
            jump = enclosed(line.after - line.before, bits)
            jumps.append([jump * factor for factor in factors] if line.after != line.before else ())
        for arc in range(self.count):
            tick()
            half, index = divmod(arc, len(self._lines))
            if jumps[index]:
                pairs = zip(sums, jumps[index], strict=True)
                sums = (
                    [total - part for total, part in pairs]
                    if half
                    else [total + part for total, part in pairs]
                )
            if self.weighted[arc] == 0:
                sums = [zero, zero, zero]
            yield sums[0], sums[1], sums[2]

    def slope_signs(self, bits: int) -> list[int]:
        """The exact signs of dN/dθ at `direction(0), direction(1), ...`; balls at `bits` first, rationals if
        they fail.
        """
        signs = []
        for arc, (_, D, E) in enumerate(self.coefficients(bits)):
            tick()
            cosine, sine, _ = double_angle(self.direction(arc))
            sign = (E * cosine - D * sine).sign()
            if sign == UNKNOWN:
                exact_D, exact_E = self.exact_slopes(arc)
                slope = exact_E * cosine - exact_D * sine
                sign = (slope > 0) - (slope < 0)
            signs.append(sign)
        return signs

    def exact_slopes(self, arc: int) -> tuple[mpq, mpq]:
        """The exact D, E of an arc."""
        if self._known is None or not 0 <= arc - self._known[0] < len(self._lines):
            weights = self._weights(arc)
            D, E = mpq(0), mpq(0)
        else:
            weights = [self._jump(k) for k in range(self._known[0] + 1, arc + 1)]
            D, E = self._known[1:]
        factors = [_factors(line) for line, _ in weights]
        D += exact_sum([w * f[1] for (_, w), f in zip(weights, factors, strict=True) if w])
        E += exact_sum([w * f[2] for (_, w), f in zip(weights, factors, strict=True) if w])
        self._known = (arc, D, E)
        return D, E

    def exact_trace(self, arc: int) -> mpq:
        """The exact S of an arc."""
        return exact_sum([w * _factors(line)[0] for line, w in self._weights(arc) if w])

    def _weights(self, arc: int) -> list[tuple[CriticalLine, mpq]]:
        half, index = divmod(arc, len(self._lines))
        return [
            (line, line.after if (i <= index) != bool(half) else line.before)
            for i, line in enumerate(self._lines)
        ]

    def _jump(self, arc: int) -> tuple[CriticalLine, mpq]:
        half, index = divmod(arc, len(self._lines))
        line = self._lines[index]
        return line, line.before - line.after if half else line.after - line.before


def double_angle(direction: Direction) -> tuple[int, int, int]:
    """|d|² cos 2θ, |d|² sin 2θ and |d|² of a direction d of angle θ."""
    x, y = direction
    return x * x - y * y, 2 * x * y, x * x + y * y


def _factors(line: CriticalLine) -> tuple[int, int, int]:
    """S, D, E of p pᵀ for the normal p."""
    cosine, sine, square = double_angle(line.normal)
    return square, cosine, sine


def enclosed(value: mpq, bits: int) -> Ball:
    """The ball of an exact rational (whose parts may be too long to be reduced again, as `Fraction` would
    do).
    """
    return Ball(int(value.numerator), bits) / int(value.denominator)


def exact_sum(terms: Iterable[mpq]) -> mpq:
    """The exact sum, by halves: with n unrelated denominators of d digits it costs about one product of n d
    digits.
    """
    values = list(terms)
    while len(values) > 1:  # ends: half as many remain
        if len(values) % 2:
            values.append(mpq(0))
        values = [values[i] + values[i + 1] for i in range(0, len(values), 2)]
    return values[0] if values else mpq(0)
