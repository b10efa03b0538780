"""The forward and the backward pass of one sample through the layers of a part, for any kind of number (R3,
R4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Passes(Generic[T]):
    """`values[l]` enter layer l, `signals[l]` are the derivatives by its output and `back[l]` those by its
    activation; `passed[l]` are the activations of its outputs with their derivatives. `columns` are those of
    `matrices`.
    """

    matrices: list[list[list[T]]]
    columns: list[list[list[T]]]
    values: list[list[T]]
    passed: list[list[tuple[Any, ...]]]
    back: list[list[T]]
    signals: list[list[T]]


def passes(
    matrices: list[list[list[T]]],
    x: list[T],
    kinks: list[T],
    weight: list[T],
    product: Callable[[Sequence[T], Sequence[T]], T],
    activation: Callable[[T], tuple[Any, ...]],
) -> Passes[T]:
    """Both passes for the input x, whose first kink arguments are given; the derivatives are those of weight
    times output.
    """
    columns = [[[row[b] for row in m] for b in range(len(m[0]))] for m in matrices]
    values, passed = [x], []
    for l in range(len(matrices) - 1):
        z = [product(row, values[-1]) for row in matrices[l]] if l else kinks
        passed.append([activation(v) for v in z])
        values.append([v[0] for v in passed[-1]])
    back: list[list[T]] = []
    signals = [weight]
    for l in range(len(matrices) - 2, -1, -1):
        back.insert(0, [product(column, signals[0]) for column in columns[l + 1]])
        signals.insert(0, [product([q], [v[1]]) for q, v in zip(back[0], passed[l], strict=True)])
    return Passes(matrices, columns, values, passed, back, signals)
