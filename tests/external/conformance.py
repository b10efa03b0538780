"""What all conformance tests share: corner intervals, exact images of intervals, and the two questions asked
of a result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction as F

from external.exact_functions import Bounds, exact

Image = tuple[Bounds, Bounds]
"""Bounds of the lower and of the upper end of an exact image; where an end is rational its two bounds are
equal.
"""

SMALLEST, LEAST_NORMAL, ULP = F(1, 2**1074), F(1, 2**1022), F(1, 2**52)

CORNERS: dict[str, tuple[F, F]] = {
    "zero": (F(0), F(0)),
    "one": (F(1), F(1)),
    "minus one": (F(-1), F(-1)),
    "a third": (F(1, 3), F(1, 3)),
    "one ulp above one": (1 + ULP, 1 + ULP),
    "one to its next neighbour": (F(1), 1 + ULP),
    "its neighbour to minus one": (-1 - ULP, F(-1)),
    "half an ulp below one": (1 - ULP / 2, F(1)),
    "thin around zero": (-SMALLEST, SMALLEST),
    "from zero to the smallest": (F(0), SMALLEST),
    "the smallest": (SMALLEST, SMALLEST),
    "minus the least normal": (-LEAST_NORMAL, -LEAST_NORMAL),
    "zero to one": (F(0), F(1)),
    "minus one to zero": (F(-1), F(0)),
    "more above than below": (F(-1), F(2)),
    "more below than above": (F(-2), F(1)),
    "as much above as below": (F(-3), F(3)),
    "positive": (F(1), F(2)),
    "negative": (F(-5, 2), F(-2)),
    "thin and not dyadic": (F(1, 3), F(1, 3) + F(1, 10**15)),
    "wide and positive": (F(1, 7), F(10**6)),
    "wide and negative": (F(-(10**6)), F(-1, 7)),
}
"""Intervals at which an arithmetic is most easily wrong, none beyond the size of exp(10^6)."""

EXTREMES: dict[str, tuple[F, F]] = {
    "large": (F(2) ** 999, F(2) ** 999),
    "minus large": (-(F(2) ** 999), -(F(2) ** 999)),
    "all sizes": (SMALLEST, F(2) ** 999),
    "all sizes, negative": (-(F(2) ** 999), -SMALLEST),
    "both signs and all sizes": (-(F(2) ** 999), F(2) ** 999),
    "zero to large": (F(0), F(2) ** 999),
}
"""Intervals at the ends of the range of exponents."""


def _ragged(count: int) -> dict[str, tuple[F, F]]:
    found = {}
    for i in range(1, count + 1):
        middle = F(3**40 + 7**i, 5**17 * 11**10) * (-1) ** i
        for name, width in (
            ("exact", F(0)),
            ("thin", F(1, 2**19)),
            ("wide", F(5, 7)),
            ("around zero", F(9, 7)),
        ):
            ends = F(float(middle * (1 - width))), F(float(middle * (1 + width)))
            found[f"ragged {i}, {name}"] = min(ends), max(ends)
    return found


RAGGED = _ragged(12)
"""Intervals whose ends are doubles without a zero at the end of their digits, so that every operation
rounds.
"""


def corner(f: Callable[..., F], *boxes: tuple[F, F]) -> Image:
    """The image of a box under a function that is monotone in each argument: the extremes are at corners."""
    values = [f(*point) for point in _points(boxes)]
    return exact(min(values)), exact(max(values))


def _points(boxes: tuple[tuple[F, F], ...]) -> Iterable[tuple[F, ...]]:
    if not boxes:
        return [()]
    return [(end, *rest) for end in boxes[0] for rest in _points(boxes[1:])]


def power(box: tuple[F, F], exponent: int) -> Image:
    """The image of a power; a negative exponent needs an interval without zero."""
    low, high = box
    (least, _), (largest, _) = corner(lambda x: x**exponent, box)
    if exponent and exponent % 2 == 0 and low <= 0 <= high:
        least = F(0)
    return exact(least), exact(largest)


def escapes(low: F, high: F, image: Image) -> str:
    """Why [low, high] does not contain the exact image; no tolerance. Empty if it does."""
    (below, _), (_, above) = image
    if low > below:
        return f"the lower end {low} is above {below}"
    return f"the upper end {high} is below {above}" if high < above else ""


def loose(low: F, high: F, image: Image, factor: F, slack: F) -> str:
    """Why [low, high] is wider than `factor` times the exact image plus `slack`. Empty if it is not."""
    allowed = factor * (image[1][1] - image[0][0]) + slack
    return f"the width is {high - low} and may be {allowed}" if high - low > allowed else ""
