"""Fully connected networks of any depth without biases; all, or only some, layers trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, SupportsIndex

import numpy as np

from certflow.arithmetic.base import EXACT, FLOAT, Arithmetic
from certflow.exact import exact_matrix, format_rational, listed, shown, whole
from certflow.networks.activation import Activation
from certflow.networks.base import Enclose, Forward, Network, Select, directions_in
from certflow.outcome import BadInput
from certflow.running import tick

MAX_WEIGHTS = 100_000


@dataclass
class _Layers:
    """What a pass leaves behind: the matrices, and what each layer has put out, the samples first."""

    matrices: list[Any]
    activations: list[Any]
    separable: bool

    @cached_property
    def outputs(self) -> Any:
        return (self.activations[-1] @ _turned(self.matrices[-1]))[..., 0]

    @cached_property
    def block_outputs(self) -> Any:
        return self.activations[-1] * self.matrices[-1] if self.separable else self.outputs[..., None]


class FeedForward(Network):
    """`H(x; w) = W_D sigma(W_(D-1) ... sigma(W_1 x))` with `widths = [d, m_1, ..., m_(D-1), 1]`.

    The activation is given as such or by its `alpha` and `power`. The weight vector holds the trained layers
    first to last, each row by row. `given[l]` is the matrix of a layer that is not trained. Jointly
    homogeneous of order `sum over trained l of power^(D - l)`.
    """

    kind = "feed-forward"

    def __init__(
        self,
        widths: Iterable[SupportsIndex],
        activation: Activation | None = None,
        trained: Iterable[SupportsIndex] | None = None,
        given: Mapping[int, Any] | None = None,
        *,
        alpha: Any = None,
        power: SupportsIndex | None = None,
    ) -> None:
        self.widths = _whole(widths, "network.widths")
        self.activation = Activation.chosen(activation, alpha, power)
        self.depth = len(self.widths) - 1
        if self.depth < 1:
            raise BadInput("network.widths: give whole numbers >= 1, the input dimension first and 1 last.")
        if self.widths[-1] != 1:
            raise BadInput(
                f"network.widths: the last width is {self.widths[-1]}, but the output is one number; end "
                f"with 1."
            )
        self.trained = (
            tuple(range(1, self.depth + 1)) if trained is None else _whole(trained, "network.trained")
        )
        if (
            not self.trained
            or sorted(set(self.trained)) != list(self.trained)
            or max(self.trained) > self.depth
        ):
            raise BadInput(
                f"network.trained: give increasing layer numbers from 1 to {self.depth}, at least one."
            )
        given = {} if given is None else given
        if not isinstance(given, Mapping):
            raise BadInput(
                f"network.given: expected matrices by the number of their layer, got {shown(given)}."
            )
        layers = {whole(layer, "network.given", 0, MAX_WEIGHTS): rows for layer, rows in given.items()}
        self.given = {
            layer: _exact_matrix(rows, f'network.given."{layer}"') for layer, rows in layers.items()
        }
        self._check_given()
        self.inputs = self.widths[0]
        self.size = sum(self.widths[layer] * self.widths[layer - 1] for layer in self.trained)
        if self.size > MAX_WEIGHTS:
            raise BadInput(f"network: {self.size} weights are too many; at most {MAX_WEIGHTS} are supported.")

    def _check_given(self) -> None:
        missing = set(range(1, self.depth + 1)) - set(self.trained) - set(self.given)
        if missing:
            raise BadInput(
                f"network.given: layer {min(missing)} is not trained, so its matrix must be given as "
                f'given."{min(missing)}".'
            )
        extra = set(self.given) & set(self.trained) or set(self.given) - set(range(1, self.depth + 1))
        if extra:
            raise BadInput(
                f"network.given: layer {min(extra)} is trained or does not exist; remove "
                f'given."{min(extra)}".'
            )
        for layer, matrix in self.given.items():
            shape = (self.widths[layer], self.widths[layer - 1])
            if matrix.shape != shape:
                raise BadInput(
                    f'network.given."{layer}": expected a {shape[0]} × {shape[1]} matrix, row by row.'
                )

    # -- structure -------------------------------------------------------------------------------------------

    @property
    def weight_names(self) -> tuple[str, ...]:
        return tuple(f"w{layer}_{row + 1}_{column + 1}" for layer, row, column in self._positions())

    def _positions(self) -> list[tuple[int, int, int]]:
        """(layer, row, column) of each weight, in order."""
        return [
            (layer, row, column)
            for layer in self.trained
            for row in range(self.widths[layer])
            for column in range(self.widths[layer - 1])
        ]

    @cached_property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """One for every neuron of the last hidden layer, if nothing below it is trained (L1.6)."""
        # Neuron j of the last hidden layer owns row j of W_(D-1) and entry j of W_D; anything trained below
        # is shared.
        if self.depth < 2 or min(self.trained) < self.depth - 1:
            return (tuple(range(self.size)),)
        owner: dict[int, list[int]] = {j: [] for j in range(self.widths[-2])}
        for index, (layer, row, column) in enumerate(self._positions()):
            owner[column if layer == self.depth else row].append(index)
        return tuple(tuple(indices) for indices in owner.values())

    @cached_property
    def places(self) -> dict[int, np.ndarray]:
        """Trained layer -> the index of each of its weights, as a matrix."""
        result, start = {}, 0
        for layer in self.trained:
            rows, columns = self.widths[layer], self.widths[layer - 1]
            result[layer] = np.arange(start, start + rows * columns).reshape(rows, columns)
            start += rows * columns
        return result

    @cached_property
    def rotations(self) -> dict[int, np.ndarray]:
        """Hidden layer -> row by row the weights that enter and leave each of its neurons, for all layers
        between two trained ones whose neurons can be rotated into each other without a change of the output
        (L12.2).
        """
        if self.activation.has_kink or self.activation.power > 1:
            return {}
        place = {position: index for index, position in enumerate(self._positions())}
        return {
            layer: np.array(
                [
                    [place[layer, a, b] for b in range(self.widths[layer - 1])]
                    + [place[layer + 1, c, a] for c in range(self.widths[layer + 1])]
                    for a in range(self.widths[layer])
                ]
            )
            for layer in self.trained
            if layer + 1 in self.trained and self.widths[layer] > 1
        }

    @property
    def has_kinks(self) -> bool:
        return self.activation.has_kink and self.depth > 1

    @property
    def is_sum_of_neurons(self) -> bool:
        return min(self.trained) >= self.depth - 1 >= 1

    @property
    def order(self) -> int:
        """The order of homogeneity in all trained weights jointly."""
        return sum(self.activation.power ** (self.depth - layer) for layer in self.trained)

    def part(self, places: Sequence[int]) -> FeedForward:
        given = {layer: matrix for layer, matrix in self.given.items() if layer < self.depth - 1}
        for layer in (self.depth - 1, self.depth):
            if layer in self.given:
                rows = self.given[layer]
                given[layer] = rows[list(places), :] if layer < self.depth else rows[:, list(places)]
        return FeedForward([*self.widths[:-2], len(places), 1], self.activation, self.trained, given)

    def with_activation(self, activation: Activation) -> FeedForward:
        """The same layers with another activation."""
        return FeedForward(self.widths, activation, self.trained, self.given)

    def without_features(self) -> FeedForward:
        """The same network from its lowest trained layer on, a function of the `features` of its inputs."""
        lowest = min(self.trained)
        if lowest == 1:
            return self
        given = {layer - lowest + 1: matrix for layer, matrix in self.given.items() if layer >= lowest}
        trained = [layer - lowest + 1 for layer in self.trained]
        return FeedForward(self.widths[lowest - 1 :], self.activation, trained, given)

    def features(self, X: Any, ar: Arithmetic = EXACT) -> Any:
        """The outputs (n × width) of the layers below the lowest trained one, which sees these as its
        inputs.
        """
        for layer in range(1, min(self.trained)):
            z = X @ ar.array(self.given[layer]).T
            X = self.activation.derivative(self.select_by_sign(ar, layer - 1, z, Fraction(0)), z)
        return X

    def matrices(self, ar: Arithmetic, w: Any) -> list[Any]:
        """The layers' matrices W_1, ..., W_D, trained ones from `w` (many for many weights), given ones
        converted.
        """
        result: list[Any] = []
        start = 0
        for layer in range(1, self.depth + 1):
            rows, columns = self.widths[layer], self.widths[layer - 1]
            if layer in self.trained:
                result.append(w[..., start : start + rows * columns].reshape(*w.shape[:-1], rows, columns))
                start += rows * columns
            else:
                result.append(self._in_doubles[layer] if ar is FLOAT else ar.array(self.given[layer]))
        return result

    @cached_property
    def _in_doubles(self) -> dict[int, np.ndarray]:
        """The given matrices, converted once for thousands of evaluations."""
        converted = {layer: FLOAT.array(matrix) for layer, matrix in self.given.items()}
        for matrix in converted.values():
            matrix.setflags(write=False)
        return converted

    # -- evaluation ------------------------------------------------------------------------------------------

    def select_by_sign(self, ar: Arithmetic, layer: int, z: Any, at_kink: Fraction) -> Any:
        if not self.activation.has_kink:
            return ar.constants(Fraction(1))[np.zeros(z.shape, dtype=int)]
        return self.activation.cell(ar, z, at_kink)

    def forward(
        self,
        ar: Arithmetic,
        w: Any,
        X: Any,
        select: Select | None = None,
        at_kink: Fraction = Fraction(0),
        enclose: Enclose | None = None,
    ) -> Forward:
        """As for every network, layer by layer (L3.4)."""
        matrices = self.matrices(ar, w)
        activations, kinks, cells = [X], [], []
        for layer, matrix in enumerate(matrices[:-1]):
            tick()
            z = activations[-1] @ _turned(matrix)
            z = enclose(layer, z) if enclose else z
            cell = select(layer, z) if select else self.select_by_sign(ar, layer, z, at_kink)
            kinks.append(z)
            cells.append(cell)
            activations.append(self.activation.derivative(cell, z))
        return Forward(ar, w, X, kinks, cells, _Layers(matrices, activations, self.separable))

    def _signals(self, run: Forward, r: Any) -> list[Any]:
        """d(sum_i r_i H_i)/d(preactivation of layer l) for l = 1..D, each (... ×) n × m_l."""
        matrices = run.saved.matrices
        # If the last layer alone is trained, nothing else says for how many weight vectors the signals are.
        alone = run.w.ndim > 1 and self.trained == (self.depth,)
        signals = [(r + run.w[..., :1] * 0 if alone else r)[..., None]]
        for layer in range(self.depth - 1, 0, -1):
            tick()
            slope = self.activation.derivative(run.cells[layer - 1], run.kinks[layer - 1], 1)
            signals.append((signals[-1] @ matrices[layer]) * slope)
        return signals[::-1]

    def first_signals(self, run: Forward, r: Any, samples: list[int], neurons: list[int]) -> Any:
        """d(sum_i r_i H_i)/d(activation of a neuron of layer 1 at a sample), one entry per listed pair; depth
        >= 2.
        """
        outgoing = run.saved.matrices[1].T
        products = self._signals(run, r)[1][samples] * outgoing[neurons]
        return products @ run.ar.array(np.full(outgoing.shape[1], Fraction(1), dtype=object))

    def pullback(self, run: Forward, r: Any) -> Any:
        """As for every network, on the cells of the pass (L1.1, L1.2, L1.8, L2.1, L6.30, L6.37, L6.38)."""
        signals, activations, lead = self._signals(run, r), run.saved.activations, run.w.shape[:-1]
        parts = [
            (_turned(signals[layer - 1]) @ activations[layer - 1]).reshape(*lead, -1)
            for layer in self.trained
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=len(lead))

    def jacobian(self, run: Forward) -> Any:
        n, lead = run.X.shape[0], run.w.shape[:-1]
        signals = self._signals(run, run.ar.constants(Fraction(1))[np.zeros(n, dtype=int)])
        pairs = [(signals[layer - 1], run.saved.activations[layer - 1]) for layer in self.trained]
        parts = [
            (signal[..., :, None] * below[..., None, :]).reshape(*lead, n, -1) for signal, below in pairs
        ]
        return np.concatenate(parts, axis=len(lead) + 1)

    def hessian(self, run: Forward, r: Any, directions: np.ndarray | None = None) -> Any:
        """As for every network, on the cells of the pass (L3.1)."""
        # Forward over reverse, all directions at once on an axis before those of the matrices.
        ar, sigma, lead = run.ar, self.activation, run.w.shape[:-1]
        moves = directions_in(ar, directions, self.size)
        k = moves.shape[0]
        saved = [run.saved.matrices, run.saved.activations, self._signals(run, r), run.kinks, run.cells]
        if lead:
            saved = [[each if each.ndim == 2 else each[..., None, :, :] for each in many] for many in saved]
        matrices, activations, signals, kinks, cells = saved
        d_matrices = self._direction_matrices(moves)
        d_activations: list[Any] = [None]
        d_kinks: list[Any] = []
        for layer in range(1, self.depth):
            tick()
            d_z = _sum_terms(
                d_activations[layer - 1] @ _turned(matrices[layer - 1])
                if d_activations[layer - 1] is not None
                else None,
                activations[layer - 1] @ _turned(d_matrices[layer - 1])
                if d_matrices[layer - 1] is not None
                else None,
            )
            d_kinks.append(d_z)
            slope = sigma.derivative(cells[layer - 1], kinks[layer - 1], 1)
            d_activations.append(None if d_z is None else slope * d_z)
        d_signal: Any = None
        rows: dict[int, Any] = {}
        for layer in range(self.depth, 0, -1):
            tick()
            if layer in self.trained:
                rows[layer] = _sum_terms(
                    _turned(d_signal) @ activations[layer - 1] if d_signal is not None else None,
                    _turned(signals[layer - 1]) @ d_activations[layer - 1]
                    if d_activations[layer - 1] is not None
                    else None,
                )
            if layer == 1:
                break
            cell, z = cells[layer - 2], kinks[layer - 2]
            slope, curvature = sigma.derivative(cell, z, 1), sigma.derivative(cell, z, 2)
            incoming = _sum_terms(
                d_signal @ matrices[layer - 1] if d_signal is not None else None,
                signals[layer - 1] @ d_matrices[layer - 1] if d_matrices[layer - 1] is not None else None,
            )
            d_z = d_kinks[layer - 2]
            d_signal = _sum_terms(
                incoming * slope if incoming is not None else None,
                (signals[layer - 1] @ matrices[layer - 1]) * curvature * d_z if d_z is not None else None,
            )
        parts = []
        for layer in self.trained:
            width = self.widths[layer] * self.widths[layer - 1]
            none = ar.constants(Fraction(0))[np.zeros((*lead, k, width), dtype=int)]
            parts.append(none if rows[layer] is None else rows[layer].reshape(*lead, k, width))
        return np.concatenate(parts, axis=len(lead) + 1)

    def _direction_matrices(self, moves: Any) -> list[Any]:
        """The layers' matrices of each direction (directions × m_l × m_(l-1)); None if not trained."""
        result: list[Any] = []
        start = 0
        for layer in range(1, self.depth + 1):
            if layer not in self.trained:
                result.append(None)
                continue
            rows, columns = self.widths[layer], self.widths[layer - 1]
            result.append(moves[:, start : start + rows * columns].reshape(moves.shape[0], rows, columns))
            start += rows * columns
        return result

    # -- files -----------------------------------------------------------------------------------------------

    def to_table(self) -> dict[str, Any]:
        table: dict[str, Any] = {
            "kind": self.kind,
            "widths": list(self.widths),
            "activation": activation_table(self.activation),
        }
        if self.given:
            table["trained"] = list(self.trained)
            table["given"] = {
                str(layer): [[format_rational(v) for v in row] for row in matrix]
                for layer, matrix in sorted(self.given.items())
            }
        return table

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, FeedForward)
            and self.widths == other.widths
            and self.to_table() == other.to_table()
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.widths, self.trained, self.activation))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(widths={list(self.widths)}, activation={self.activation}, "
            f"trained={list(self.trained)})"
        )


def activation_table(activation: Activation) -> dict[str, Any]:
    """The `activation` entry of a problem file."""
    return {"alpha": format_rational(activation.alpha), "power": activation.power}


def _whole(values: Any, where: str) -> tuple[int, ...]:
    return tuple(
        whole(each, f"{where}[{i}]", 1, MAX_WEIGHTS)
        for i, each in enumerate(listed(values, where, "whole numbers"))
    )


def _exact_matrix(values: Any, where: str) -> np.ndarray:
    """The matrix with exact entries, read-only."""
    rows = exact_matrix(values, where)
    result = np.empty((len(rows), len(rows[0]) if rows else 0), dtype=object)
    result[...] = rows
    result.setflags(write=False)
    return result


def _turned(matrix: Any) -> Any:
    """The transposed matrix, or every one of many."""
    if matrix.ndim == 2:
        return matrix.T
    last = matrix.ndim - 1
    return matrix.transpose(*range(last - 1), last, last - 1)


def _sum_terms(first: Any, second: Any) -> Any:
    """first + second, where None is zero."""
    return second if first is None else first if second is None else first + second
