"""Functions that are multiples of z^power on both sides of 0: the activation sigma(z) = max(z, alpha z)^power
of layers, and the kink steps of expressions.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from certflow.arithmetic.base import FLOAT, UNKNOWN, Arithmetic
from certflow.exact import short_number, shown, whole
from certflow.outcome import BadInput

MAX_POWER = 16


class PiecewisePower:
    """`c z^power` with a coefficient c for each side of z = 0; on a cell, an array of these, a polynomial."""

    power: int

    def derivative(self, cell: Any, z: Any, times: int = 0) -> Any:
        """The derivative of order `times` of `cell * z^power`, elementwise; 0 when `times` exceeds the
        power.
        """
        factor = 1
        for i in range(times):
            factor *= self.power - i
        exponent = self.power - times
        if exponent < 0:
            return cell * 0
        if exponent == 0:
            return cell * factor
        # Balls are rounded to their bits when they are raised to the power 1, doubles are not.
        is_itself = exponent == 1 and getattr(z, "dtype", None) == np.float64
        return (cell if factor == 1 else cell * factor) * (z if is_itself else z**exponent)


@dataclass(frozen=True)
class KinkPower(PiecewisePower):
    """`left z^power` for z <= 0 and `right z^power` for z >= 0; C^(1,1) for powers from 2 on (L12.17)."""

    left: Fraction
    right: Fraction
    power: int

    def coefficients(self, ar: Arithmetic, sign: np.ndarray) -> Any:
        """The cell of an array of signs: the hull of both coefficients where the sign is `UNKNOWN`."""
        low, high = min(self.left, self.right), max(self.left, self.right)
        cell = ar.constants(self.left, self.right, Fraction(0), self.left)[sign]
        unknown = sign == UNKNOWN
        if unknown.any():
            cell[unknown] = ar.hull(low, high)
        return cell


@dataclass(frozen=True)
class Activation(PiecewisePower):
    """`max(z, alpha z)^power` with -1 <= alpha <= 1 and power >= 1: linear, (leaky) ReLU, absolute value and
    powers.

    On each side of z = 0 it is a monomial, `c z^power` with c = 1 for z > 0 and c = alpha^power for z < 0. A
    *cell* is the array of these coefficients; on a cell the network is a polynomial, in every arithmetic. At
    z = 0 the Clarke selection is explicit: `c = at_kink + (1 - at_kink) alpha^power` with 0 <= at_kink <= 1.
    """

    alpha: Fraction = Fraction(0)
    power: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", short_number(self.alpha, "activation.alpha"))
        if not -1 <= self.alpha <= 1:
            raise BadInput(
                f"activation.alpha: {shown(self.alpha)} is outside [-1, 1]; max(z, alpha z) needs -1 <= "
                f"alpha <= 1."
            )
        object.__setattr__(self, "power", whole(self.power, "activation.power", 1, MAX_POWER))

    @classmethod
    def chosen(cls, activation: Activation | None, alpha: Any, power: Any) -> Activation:
        """The `activation` of a network, or that of the alpha (0 if None) and power (1 if None) in its place.

        Raises `BadInput` for both, or for something else.
        """
        if activation is None:
            return cls(0 if alpha is None else alpha, 1 if power is None else power)  # type: ignore[arg-type]
        if not isinstance(activation, Activation):
            raise BadInput(
                f"network.activation: expected Activation(alpha=0, power=2), got {shown(activation)}."
            )
        if alpha is not None or power is not None:
            raise BadInput(
                "network.activation: alpha and power are those of the activation; give it or them."
            )
        return activation

    @cached_property
    def off(self) -> Fraction:
        """The coefficient on z < 0, alpha^power."""
        return self.alpha**self.power

    @cached_property
    def _off_in_doubles(self) -> float:
        return float(self.off)

    @cached_property
    def has_kink(self) -> bool:
        """Whether the two branches differ (otherwise the activation is the polynomial z^power)."""
        return self.off != 1

    @property
    def smoothness(self) -> int | None:
        """The number r such that sigma is C^(r,1) but not C^(r+1,1), or None for C^infinity."""
        return self.power - 1 if self.has_kink else None

    def coefficients(self, ar: Arithmetic, sign: np.ndarray, at_kink: Fraction = Fraction(0)) -> Any:
        """The cell of an array of signs: exact coefficients where the sign is known, the hull of both
        branches (which contains every Clarke selection) where it is `UNKNOWN`. Same shape as `sign` (L1.1,
        L3.1).
        """
        off = self.off
        table = ar.constants(at_kink + (1 - at_kink) * off if at_kink else off, Fraction(1), Fraction(0), off)
        cell = table[
            sign
        ]  # the signs 0, 1 and -1 are places in the table; UNKNOWN, place 2, is replaced below
        unknown = sign == UNKNOWN
        if unknown.any():
            cell[unknown] = ar.hull(min(off, Fraction(1)), max(off, Fraction(1)))
        return cell

    def cell(self, ar: Arithmetic, z: Any, at_kink: Fraction = Fraction(0)) -> Any:
        """The cell of an array of arguments."""
        if ar is FLOAT and not at_kink:
            # Exact, as 1 + 0 or 0 + off, and several times faster than a choice between two numbers.
            on, off = (z > 0.0).astype(np.float64), self._off_in_doubles
            return on + off * (1.0 - on) if off else on
        return self.coefficients(ar, ar.sign(z), at_kink)
