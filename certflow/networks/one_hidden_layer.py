"""Networks with one hidden layer: a sum of neurons, hence separable into one block per neuron."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, SupportsIndex

from certflow.exact import exact_vector, whole
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import MAX_WEIGHTS, FeedForward, activation_table
from certflow.outcome import BadInput


class OneLayer(FeedForward):
    """`H(x; w) = sum_j s_j sigma(u_j . x)` with fixed signs s_j; weights u_1, u_2, ...; order = the power."""

    kind = "one-layer"

    def __init__(
        self,
        inputs: SupportsIndex,
        width: SupportsIndex,
        activation: Activation | None = None,
        signs: Any = None,
        *,
        alpha: Any = None,
        power: SupportsIndex | None = None,
    ) -> None:
        widths = _widths(inputs, width)
        signs = [Fraction(1)] * widths[1] if signs is None else exact_vector(signs, "network.signs")
        if len(signs) != widths[1]:
            raise BadInput(f"network.signs: {len(signs)} signs for {widths[1]} neurons; give one per neuron.")
        if any(s not in (1, -1) for s in signs):
            raise BadInput("network.signs: each sign is 1 or -1.")
        self.signs = tuple(int(s) for s in signs)
        super().__init__(widths, activation, [1], {2: [self.signs]}, alpha=alpha, power=power)

    def part(self, places: Sequence[int]) -> OneLayer:
        return OneLayer(self.inputs, len(places), self.activation, [self.signs[j] for j in places])

    @property
    def weight_names(self) -> tuple[str, ...]:
        return tuple(f"u{row + 1}_{column + 1}" for _, row, column in self._positions())

    def to_table(self) -> dict[str, Any]:
        table: dict[str, Any] = {
            "kind": self.kind,
            "width": self.widths[1],
            "activation": activation_table(self.activation),
        }
        if any(s != 1 for s in self.signs):
            table["signs"] = list(self.signs)
        return table


class TwoLayer(FeedForward):
    """`H(x; w) = sum_j v_j sigma(w_j . x)`; weights W row by row, then v; order = the power + 1."""

    kind = "two-layer"

    def __init__(
        self,
        inputs: SupportsIndex,
        width: SupportsIndex,
        activation: Activation | None = None,
        *,
        alpha: Any = None,
        power: SupportsIndex | None = None,
    ) -> None:
        super().__init__(_widths(inputs, width), activation, alpha=alpha, power=power)

    @property
    def weight_names(self) -> tuple[str, ...]:
        return tuple(
            f"w{row + 1}_{column + 1}" if layer == 1 else f"v{column + 1}"
            for layer, row, column in self._positions()
        )

    def to_table(self) -> dict[str, Any]:
        return {"kind": self.kind, "width": self.widths[1], "activation": activation_table(self.activation)}


def _widths(inputs: SupportsIndex, width: SupportsIndex) -> list[int]:
    return [whole(inputs, "network.inputs", 1, MAX_WEIGHTS), whole(width, "network.width", 1, MAX_WEIGHTS), 1]
