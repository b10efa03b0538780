"""What an enclosed real number says about itself and how it leaves the rigorous world: always by name, never
by accident.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Any, Self

from certflow.arithmetic.decimal_text import plus_minus_text
from certflow.exact import MAX_DELTA_EXPONENT, dyadic_text, number
from certflow.outcome import Ambiguous, CertflowError


class OutsideDomain(CertflowError, ArithmeticError):
    """The operation is not defined, or not bounded, on the whole enclosure."""


class DivisionByZero(OutsideDomain, ZeroDivisionError):
    """The divisor contains zero."""


def exact_only(value: Any) -> int | Fraction:
    """`value` if it is an int, a `Fraction` or exact text; `TypeError` for floats, booleans and NumPy
    scalars.
    """
    if type(value) is int or isinstance(value, Fraction):
        return value
    if isinstance(value, str):
        return number(value, max_exponent=MAX_DELTA_EXPONENT)
    raise refusal(value)


def refusal(value: Any) -> TypeError:
    """The error that says why `value` is not taken."""
    return TypeError(
        f"an enclosure takes exact numbers only, got {type(value).__name__} {value!r}; "
        "give an int, a Fraction or exact text (Fraction(x) is the exact value of a float)"
    )


class Enclosure(ABC):
    """A real number in [lower(), upper()]: comparisons with three answers, exact and decimal text.

    `<`, `<=`, `==`, ... compare the *numbers*, so they raise `Ambiguous` where the enclosures do not decide;
    `less` and its siblings answer True, False or None instead. Not hashable, not picklable, not convertible
    to float.
    """

    __slots__ = ()

    @abstractmethod
    def mid(self) -> Fraction:
        """The exact midpoint."""

    @abstractmethod
    def radius(self) -> Fraction:
        """The exact radius."""

    @abstractmethod
    def less(self, other: Any) -> bool | None:
        """Whether self < other: True, False, or None if the enclosures do not decide."""

    @abstractmethod
    def greater(self, other: Any) -> bool | None:
        """Whether self > other: True, False or None."""

    @abstractmethod
    def equal(self, other: Any) -> bool | None:
        """Whether the two numbers are equal: True only if both are exact, False only if they have nothing in
        common.
        """

    def lower(self) -> Fraction:
        """The exact left end mid - radius, a lower bound of the number."""
        return self.mid() - self.radius()

    def upper(self) -> Fraction:
        """The exact right end mid + radius, an upper bound of the number."""
        return self.mid() + self.radius()

    def less_equal(self, other: Any) -> bool | None:
        """Whether self <= other: True, False or None."""
        answer = self.greater(other)
        return None if answer is None else not answer

    def greater_equal(self, other: Any) -> bool | None:
        """Whether self >= other: True, False or None."""
        answer = self.less(other)
        return None if answer is None else not answer

    def __lt__(self, other: Any) -> bool:
        return self._decided(self.less(other), "less", other)

    def __le__(self, other: Any) -> bool:
        return self._decided(self.less_equal(other), "less_equal", other)

    def __gt__(self, other: Any) -> bool:
        return self._decided(self.greater(other), "greater", other)

    def __ge__(self, other: Any) -> bool:
        return self._decided(self.greater_equal(other), "greater_equal", other)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Enclosure | int | Fraction):
            return NotImplemented
        return self._decided(self.equal(other), "equal", other)

    def __bool__(self) -> bool:
        return not self._decided(self.equal(0), "sign", 0)

    def _decided(self, answer: bool | None, name: str, other: Any) -> bool:
        if answer is None:
            raise Ambiguous(
                f"{self!r} and {other!r} overlap, so this is not decided; .{name}() says so without raising"
            )
        return answer

    def to_json(self) -> str | list[str]:
        """The exact text "m*2^e" if the radius is zero, else the pair of exact ends ["lo", "hi"]; for dyadic
        ends.
        """
        if self.radius() == 0:
            return dyadic_text(self.mid())
        return [dyadic_text(self.lower()), dyadic_text(self.upper())]

    def text(self, digits: int = 30) -> str:
        """The short decimal text "x ± r", true as printed; x has at most `digits` digits."""
        return plus_minus_text(self.mid(), self.radius(), digits)

    def midpoint_float(self) -> float:
        """The midpoint in double precision: an approximation, the radius is lost."""
        return float(self.mid())

    def midpoint_mpf(self, context: Any) -> Any:
        """The midpoint as a number of the given mpmath context: an approximation, the radius is lost."""
        mid = self.mid()
        return context.mpf(mid.numerator) / mid.denominator

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        try:
            return f"{type(self).__name__}({self.text(12)})"
        except OutsideDomain:  # an exponent with millions of digits; error messages still need a name for it
            return f"{type(self).__name__}(of extreme size)"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self
