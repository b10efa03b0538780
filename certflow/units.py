"""Units of size: the same problem with inputs, labels, given layers and direction near 1, and the exact way
back.

A power of two in the inputs or in a given layer multiplies every output by a power of two kappa, one in the
labels of the square loss by c. In the weights `w' = w / lambda`, `lambda^L = c / kappa`, the flow is that of
the scaled problem: delta_bar and R are those of the scaled problem times lambda, values of N times `c kappa`,
scaled times over `c kappa`, floors of laws over lambda^L; C, angles and exponents are the same. Proof:
`proofs_notes/L5-uniform-theorem.md`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from certflow.arithmetic.doubles import logarithm
from certflow.exact import MAX_DIGITS
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Inconclusive
from certflow.problem import Problem

_DECIMALS = 10**6
_FARTHEST = 10**6
"""Inputs of an expression are at most so far from 1, by a factor."""
_LONGEST = 10**MAX_DIGITS

LARGEST_IN_DOUBLES = 900
"""The largest power of two, in absolute value, that leaves doubles room for ratios and small factors."""


class TooLong(Inconclusive):
    """A theorem whose numbers have too many digits in the units of the problem."""


@dataclass(frozen=True)
class Units:
    """X = 2^inputs X', y = 2^labels y' and W_l = 2^e W_l' for every (l, e) in `given`; then all outputs are
    2^outputs times those of the scaled problem, which has order `order` and `depth` layers.
    """

    inputs: int
    labels: int
    given: tuple[tuple[int, int], ...]
    outputs: int
    order: int
    depth: int

    @property
    def rate(self) -> Fraction:
        """c kappa: what N, and every rate of growth, is multiplied by on the way back; times are divided by
        it.
        """
        return Fraction(2) ** self.rate_exponent

    @property
    def rate_exponent(self) -> int:
        """The e with `rate` = 2^e."""
        return self.labels + self.outputs

    @property
    def neuron_rate(self) -> Fraction:
        """What the values of one neuron with output weight 1 are multiplied by: `rate` without the unit of
        the output layer (L6.46)."""
        return self.rate / Fraction(2) ** dict(self.given).get(self.depth, 0)

    @property
    def mass(self) -> Fraction:
        """lambda^L: what every `‖w‖^L` is multiplied by on the way back."""
        return Fraction(2) ** (self.labels - self.outputs)

    @property
    def log_length(self) -> float:
        """log lambda, in double precision."""
        return (self.labels - self.outputs) * math.log(2) / self.order

    @property
    def length(self) -> Fraction:
        """lambda, exact if it is a power of two, else rounded down to six decimals (times a power of two)."""
        whole, rest = divmod(self.labels - self.outputs, self.order)
        root = Fraction(int(2.0 ** (rest / self.order) * _DECIMALS), _DECIMALS)
        # The float is right to far more than six decimals, so that one step down is enough.
        if root**self.order > 2**rest:
            root -= Fraction(1, _DECIMALS)
        return root * Fraction(2) ** whole

    def to_json(self) -> dict[str, Any] | None:
        """The entry `units` of a certificate; None if nothing is scaled."""
        if not (self.inputs or self.labels or self.given):
            return None
        return {
            "inputs": self.inputs,
            "labels": self.labels,
            "given": {str(layer): e for layer, e in self.given},
        }


def multiplied(value: Any, factor: Fraction) -> Any:
    """A number, a pair of them, or None, times an exact factor. Raises `TooLong` if it cannot be written
    then.
    """
    if isinstance(value, tuple):
        return tuple(multiplied(each, factor) for each in value)
    if value is None:
        return None
    number = value * factor
    if max(abs(number.numerator), number.denominator) >= _LONGEST:
        raise TooLong(
            f"the theorem is proved in units near 1, but its numbers for these data have more than "
            f"{MAX_DIGITS} digits; "
            "scale the inputs, the labels or the given layers by a power of two."
        )
    return number


def require_doubles(problem: Problem) -> None:
    """Raise `Inconclusive` if doubles cannot hold values of N, times and outputs, which tables and figures
    are made of.
    """
    units = normalised(problem)[1]
    if abs(units.outputs) + abs(units.labels) > LARGEST_IN_DOUBLES:
        raise Inconclusive(
            "the outputs, times or values of N of this problem are beyond double precision, in which tables "
            "and figures are made; certify, kkt, flow and ncf have no such limit, or scale the inputs and "
            "labels by a power of two."
        )


def refuse_inputs_far_from_one(problem: Problem) -> None:
    """Raise `Inconclusive` for inputs of an expression that fixed-point numbers would lose, or for which
    certificates have no room.

    They have no units near 1, and two runs that lose them alike give an error estimate of nothing.
    """
    if not isinstance(problem.network, Expression):
        return
    for value in (v for row in problem.X for v in row if v):
        if not 1 <= abs(value) * _FARTHEST <= _FARTHEST**2:
            size = round(math.log10(abs(value.numerator)) - math.log10(value.denominator))
            raise Inconclusive(
                f"an input of the expression is of size 1e{size}; bring all inputs to between 1e-6 and 1e6, "
                f"since the size of an expression in other units is not known."
            )


def natural_length(problem: Problem) -> Fraction:
    """About the norm of weights at which outputs are as large as labels, in proportion to the data for all
    factors.
    """
    network, log = problem.network, 0.0
    if problem.loss.kind == "square":
        log += logarithm(_largest(problem.y))
    if isinstance(network, FeedForward):
        power, depth = network.activation.power, network.depth
        log -= power ** (depth - 1) * logarithm(_largest(problem.X.flat))
        log -= sum(
            power ** (depth - layer) * logarithm(_largest(matrix.flat))
            for layer, matrix in network.given.items()
        )
    return Fraction(math.exp(min(max(log / problem.order, -700.0), 700.0)))


def _largest(values: Iterable[Fraction]) -> Fraction:
    """max |v|, or 1 if all values are 0."""
    return max((abs(v) for v in values), default=Fraction(0)) or Fraction(1)


def exponent(values: Iterable[Fraction]) -> int:
    """The e with 2^e <= max |v| < 2^(e+1); 0 if all values are 0."""
    largest = _largest(values)
    e = largest.numerator.bit_length() - largest.denominator.bit_length()
    return e if largest >= Fraction(2) ** e else e - 1


def normalised(problem: Problem) -> tuple[Problem, Units]:
    """The problem in units near 1, and these units; problems that differ by powers of two give the same one,
    exactly (L5.8).

    The largest entry of the inputs, of each given layer, of the labels (square loss) and of the direction is
    in [1, 2). Inputs of an expression are left as they are, because its output need not be homogeneous in
    them.
    """
    network, labels = problem.network, exponent(problem.y) if problem.loss.kind == "square" else 0
    inputs, given, outputs, depth = 0, {}, 0, 0
    if isinstance(network, FeedForward):
        inputs = exponent(problem.X.flat)
        given = {layer: exponent(matrix.flat) for layer, matrix in network.given.items()}
        power, depth = network.activation.power, network.depth
        outputs = inputs * power ** (depth - 1) + sum(
            e * power ** (depth - layer) for layer, e in given.items()
        )
        if any(given.values()):
            matrices = {
                layer: matrix / Fraction(2) ** given[layer] for layer, matrix in network.given.items()
            }
            network = FeedForward(network.widths, network.activation, network.trained, matrices)
    units = Units(
        inputs,
        labels,
        tuple(sorted((layer, e) for layer, e in given.items() if e)),
        outputs,
        problem.order,
        depth,
    )
    scaled = problem.with_numbers(
        network,
        problem.X / Fraction(2) ** inputs,
        problem.y / Fraction(2) ** labels,
        problem.direction / Fraction(2) ** exponent(problem.direction),
    )
    return scaled, units
