"""Polynomials on [0, 1] with an error bound, multiplied exactly by packing their coefficients into one
integer (R3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache, cached_property, partial
from math import comb
from typing import TypeVar

from .numbers import BITS, ONE, Interval, down, enclosed, root_up, up
from .passes import passes
from .verdicts import Clock, Refused

T = TypeVar("T")

Column = tuple[list[int], list[int]]
Entries = Sequence[Sequence[int | Fraction]]

_BYTES = 44
_SLOT = 8 * _BYTES
_HALF = 1 << (_SLOT - 1)


@cache
def _bias(count: int) -> int:
    return sum(_HALF << (_SLOT * k) for k in range(count))


class Polynomial:
    """All functions f on [0, 1] with |f(y) - sum_k c_k y^k| <= err; c_k and err are fixed-point numbers.

    `norm` bounds the absolute value of the polynomial part.
    """

    __slots__ = ("coefficients", "err", "norm", "_packed")

    def __init__(self, coefficients: list[int], err: int = 0) -> None:
        self.coefficients, self.err = coefficients, err
        self.norm = sum(map(abs, coefficients))
        self._packed: int | None = None

    @classmethod
    def constant(cls, value: Fraction) -> Polynomial:
        """The rational `value`, rounded with its error."""
        low = down(value)
        return cls([low], 0 if up(value) == low else 1)

    def packed(self) -> int:
        """The polynomial at y = 2^_SLOT: exact, because a coefficient below 2^(_SLOT-1) does not reach the
        next slot.
        """
        if self._packed is None:
            if self.norm >= _HALF:
                raise Refused("R3", "", "the numbers of a piece are too large")
            data = b"".join([(c + _HALF).to_bytes(_BYTES, "little") for c in self.coefficients])
            self._packed = int.from_bytes(data, "little") - _bias(len(self.coefficients))
        return self._packed

    def hull(self, middle: int, eta: int) -> Interval:
        """R4: an enclosure where |y - middle| <= eta, 0 <= y <= 1: value at the middle +- eta sum k |c_k|
        (L3.4)."""
        value = spread = 0
        for k in range(len(self.coefficients) - 1, -1, -1):
            # |y| <= 1, so every rounding down adds less than one unit.
            value = (value * middle >> BITS) + self.coefficients[k]
            spread += k * abs(self.coefficients[k])
        reach = -((-eta * spread) >> BITS) + self.err
        return value - reach, value + len(self.coefficients) + reach

    def derivative(self) -> Polynomial:
        """The derivative of the polynomial part; only for exact polynomials."""
        return Polynomial([k * c for k, c in enumerate(self.coefficients)][1:])

    def at_half(self) -> int:
        """The sign of the polynomial part at y = 1/2, as an integer of that sign."""
        n = len(self.coefficients) - 1
        return sum(c << (n - k) for k, c in enumerate(self.coefficients))

    def range01(self) -> Interval:
        """R3: bounds on [0, 1], of the coefficients and, if these do not show a sign, of the Bernstein
        coefficients (L3.3)."""
        c = self.coefficients
        low, high = c[0] + sum(min(v, 0) for v in c[1:]), c[0] + sum(max(v, 0) for v in c[1:])
        if low < 0 < high:
            n = len(c) - 1
            # b_i = sum_{k<=i} c_k C(n-k, i-k) / C(n, i); min b_i <= f <= max b_i, never outside the first
            # bounds.
            sums = [(sum(c[k] * comb(n - k, i - k) for k in range(i + 1)), comb(n, i)) for i in range(n + 1)]
            low, high = min(b // d for b, d in sums), max(-(-b // d) for b, d in sums)
        return low - self.err, high + self.err


class Products:
    """A sum of products of polynomials, exact as long as products are added, and rounded once at the end."""

    __slots__ = ("packed", "norm", "err", "count")

    def __init__(self) -> None:
        self.packed = self.norm = self.err = 0
        self.count = 1

    def add(self, p: Polynomial, q: Polynomial) -> None:
        """One more product."""
        self.norm += p.norm * q.norm
        if self.norm >= _HALF >> 2:
            raise Refused("R3", "", "the numbers of a piece are too large")
        self.packed += p.packed() * q.packed()
        # Product error |P| f + |Q| e + e f.
        self.err += p.norm * q.err + q.norm * p.err + p.err * q.err
        self.count = max(self.count, len(p.coefficients) + len(q.coefficients) - 1)

    def total(self, keep: int) -> Polynomial:
        """The sum; coefficients from y^keep on go into the error."""
        count = self.count
        data = (self.packed + _bias(count)).to_bytes(_BYTES * count, "little")
        slots = [data[i : i + _BYTES] for i in range(0, _BYTES * count, _BYTES)]
        result = [(int.from_bytes(slot, "little") - _HALF) >> BITS for slot in slots]
        # Rounding down costs less than one unit per coefficient, the last term rounds the error itself
        # upwards.
        err = (self.err >> BITS) + 1 + count + sum(map(abs, result[keep:]))
        return Polynomial(result[:keep], err)


def dot(left: Sequence[Polynomial], right: Sequence[Polynomial], keep: int) -> Polynomial:
    """sum of products; coefficients from y^keep on go into the error."""
    products = Products()
    for p, q in zip(left, right, strict=True):
        products.add(p, q)
    return products.total(keep)


def branched(
    z: Polynomial, left: Fraction, right: Fraction, p: int, keep: int
) -> tuple[Polynomial, Polynomial]:
    """R3: left z^p for z <= 0 and right z^p for z >= 0, and its derivative, on the branch of z(1/2), widened
    by what the overlap with the other branch costs (L3.3, L12.17)."""
    on = z.at_half() > 0
    value, slope = z, Polynomial([ONE])
    for _ in range(p - 1):
        value, slope = dot([value], [z], keep), value
    slope = Polynomial([p * c for c in slope.coefficients], p * slope.err)
    factor = right if on else left
    if factor == 0:
        value = slope = Polynomial([0])
    elif factor != 1:
        branch = Polynomial.constant(factor)
        value, slope = dot([branch], [value], keep), dot([branch], [slope], keep)
    if left == right:
        return value, slope
    low, high = z.range01()
    zeta = max(0, -low) if on else max(0, high)
    if zeta:
        # |right - left| zeta^p and |right - left| p zeta^(p-1), rounded upwards.
        jump = up(abs(right - left))
        value = Polynomial(value.coefficients, value.err - ((-jump * zeta**p) >> (BITS * p)))
        lost = -((-jump * p * zeta ** (p - 1)) >> (BITS * (p - 1)))
        slope = Polynomial(slope.coefficients, slope.err + lost)
    return value, slope


def activation(z: Polynomial, alpha: Fraction, p: int, keep: int) -> tuple[Polynomial, Polynomial]:
    """R3: sigma(z) and sigma'(z) (L3.3)."""
    return branched(z, alpha**p, Fraction(1), p, keep)


class Samples:
    """What all parts share: the exact inputs of their first layers (`rows`) and the weights z of N, as
    intervals and as polynomials, the lengths of the inputs, and for neurons the `columns` and the products of
    two columns (`squares`).
    """

    def __init__(self, rows: list[list[Fraction]], z: list[Fraction], clock: Clock) -> None:
        self.rows, self.weights, self.clock = rows, z, clock
        self.z, self.x = [enclosed(v) for v in z], [[enclosed(v) for v in row] for row in rows]
        self.lengths2: list[Fraction] = []
        self.lengths: list[int] = []
        for row in rows:
            clock.tick()
            self.lengths2.append(sum((v * v for v in row), Fraction(0)))
            self.lengths.append(up(root_up(self.lengths2[-1], 2)))
        self.x_polynomials = [[Polynomial.constant(v) for v in row] for row in rows]
        self.z_polynomials = [Polynomial.constant(v) for v in z]

    @cached_property
    def columns(self) -> list[Column]:
        """Rationals rounded down to fixed point (each less than one unit off), and their absolute values."""
        rounded = [[down(row[b]) for row in self.rows] for b in range(len(self.rows[0]))]
        return [(column, [abs(v) for v in column]) for column in rounded]

    @cached_property
    def squares(self) -> list[list[Column]]:
        """For b and c <= b the products of the columns b and c, rounded likewise."""
        squares = []
        for b in range(len(self.rows[0])):
            self.clock.tick()
            rounded = [[down(row[b] * row[c]) for row in self.rows] for c in range(b + 1)]
            squares.append([(column, [abs(v) for v in column]) for column in rounded])
        return squares


class Layers:
    """The layers of one part: `matrices[l][a][b]` is a weight, by its position in `weights`, or an exact
    number.

    They are given with the positions in all weights of the network, which are `weights`, sorted; `places[k]`
    is the (l, a, b) of the k-th one, row by row. All entries of the first layer are weights.
    """

    def __init__(self, matrices: Sequence[Entries], samples: Samples, alpha: Fraction, p: int) -> None:
        self.samples, self.alpha, self.p = samples, alpha, p
        rows = [(l, a, row) for l, m in enumerate(matrices) for a, row in enumerate(m)]
        places = {e: (l, a, b) for l, a, row in rows for b, e in enumerate(row) if isinstance(e, int)}
        self.weights = sorted(places)
        self.places = [places[w] for w in self.weights]
        own = {w: k for k, w in enumerate(self.weights)}
        self.matrices = [[[own[e] if isinstance(e, int) else e for e in row] for row in m] for m in matrices]

    def filled(self, W: list[T], given: Callable[[Fraction], T]) -> list[list[list[T]]]:
        """The matrices with the weights W, and with what `given` makes of the exact numbers."""
        return [[[W[e] if isinstance(e, int) else given(e) for e in row] for row in m] for m in self.matrices]

    def first(self, W: list[T]) -> list[list[T]]:
        """The first matrix with the weights W."""
        return [[W[int(e)] for e in row] for row in self.matrices[0]]


def first_kinks(layers: Layers, u: list[Polynomial], keep: int) -> Iterator[list[Polynomial]]:
    """R3: the kink arguments of the first layer along the piece, sample by sample."""
    rows = layers.first(u)
    for x in layers.samples.x_polynomials:
        layers.samples.clock.tick()
        yield [dot(row, x, keep) for row in rows]


def gradient(layers: Layers, u: list[Polynomial], keep: int) -> list[Polynomial]:
    """R3: grad N along the piece, per weight. One sample after the other, so that the memory does not grow
    with them (L3.3)."""
    W, samples = layers.filled(u, Polynomial.constant), layers.samples
    sums = [Products() for _ in layers.places]
    product, passed = partial(dot, keep=keep), partial(activation, alpha=layers.alpha, p=layers.p, keep=keep)
    along = zip(samples.x_polynomials, samples.z_polynomials, first_kinks(layers, u, keep), strict=True)
    for x, weight, kinks in along:
        run = passes(W, x, kinks, [weight], product, passed)
        for products, (l, a, b) in zip(sums, layers.places, strict=True):
            products.add(run.signals[l][a], run.values[l][b])
    return [products.total(keep) for products in sums]


def defect(u: Polynomial, G: Polynomial, decay: Fraction, length: Fraction) -> int:
    """R3: an upper bound of |u'/l - (G - decay u)| on [0, 1] (L3.3)."""
    a, b, c, e = length.numerator, length.denominator, decay.numerator, decay.denominator
    count = max(len(u.coefficients), len(G.coefficients))
    du = [k * v for k, v in enumerate(u.coefficients)][1:]
    terms = [x + [0] * (count - len(x)) for x in (du, G.coefficients, u.coefficients)]
    total: int = sum(abs(e * b * d - a * (e * g - c * v)) for d, g, v in zip(*terms, strict=True))
    return -(-total // (e * a)) + G.err
