"""Taylor series of the raw limit flow `p' = grad N(p) - decay p` in double precision, on fixed cells, many
parts at once.

Nothing here is proved. All parts have the same number of weights; `u` is (parts × weights), a cell is (parts
× kink arguments) of branch coefficients, a series has a leading axis of orders and a part may have its own
length, so that its polynomial lives on y in [0, 1].
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from certflow.arithmetic.base import FLOAT
from certflow.networks.feed_forward import FeedForward
from certflow.problem import Problem
from certflow.running import tick

Array = Any


class PartSeries(ABC):
    """The gradient of the NCF of the parts of one group, as power series.

    `order` is the order L of homogeneity, `off` the branch coefficient left of a kink, `kink_count` the
    number of kink arguments per part, `scale` a rough bound of N on the sphere and `reach` of the first kink
    arguments, against which numbers are large or negligible.
    """

    scale: float = 1.0
    reach: float = 1.0
    X: Array
    order: int
    off: float
    kink_count: int

    rotations: tuple[Array, ...] = ()
    """The weights of the neurons of each hidden layer that can be rotated without a change of N."""

    inputs: int = 0
    """Of one neuron of power 2 the number of its first weights, on which N is a quadratic form; else 0."""

    turns: tuple[Array, ...] = ()
    """Of an expression the skew matrices along which N stays the same."""

    @abstractmethod
    def series(self, u: Array, cell: Array, decay: float, lengths: Array, terms: int) -> tuple[Array, Array]:
        """The coefficients in y = s/length of the solution (terms + 1 × parts × weights) and of its kink
        arguments.
        """

    @abstractmethod
    def gradient(self, u: Array, cell: Array) -> Array:
        """grad N of each part (parts × weights) on the cell."""

    @abstractmethod
    def kinks(self, u: Array) -> Array:
        """The kink arguments of each part (parts × kink arguments)."""

    @abstractmethod
    def select(self, parts: Array) -> PartSeries:
        """The series of the listed parts alone."""

    def cell(self, z: Array) -> Array:
        """The branch coefficients of the signs of the kink arguments."""
        return np.where(z > 0, 1.0, self.off)


class QuadraticSeries(PartSeries):
    """Neurons `v (w . x)^2` on features: the gradient is 2 v M w and w . M w with one matrix M per neuron and
    cell.
    """

    def __init__(self, X: Array, z: Array, off: float, outgoing: Array | None) -> None:
        self.X, self.z, self.off, self.outgoing = X, z, off, outgoing
        self.order = 2 if outgoing is not None else 3
        self.widths, self.power = (X.shape[1], 1, 1), 2
        self.trained = (1, 2) if outgoing is None else (1,)
        self.given = {} if outgoing is None else {2: outgoing[:, None, None]}
        self.kink_count = len(X)
        self._squares = (z[:, None, None] * X[:, :, None] * X[:, None, :]).reshape(len(X), -1)

    def select(self, parts: Array) -> QuadraticSeries:
        """The series of the listed parts alone."""
        other = object.__new__(QuadraticSeries)
        other.__dict__.update(self.__dict__)
        if self.outgoing is not None:
            other.outgoing = self.outgoing[parts]
        return other

    def kinks(self, u: Array) -> Array:
        """The kink arguments of each part (parts × kink arguments)."""
        return u[:, : self.X.shape[1]] @ self.X.T

    def _matrices(self, cell: Array) -> Array:
        d = self.X.shape[1]
        return 2 * (cell @ self._squares).reshape(len(cell), d, d)

    def gradient(self, u: Array, cell: Array) -> Array:
        """grad N of each part (parts × weights) on the cell."""
        d, M = self.X.shape[1], self._matrices(cell)
        y = (M @ u[:, :d, None])[:, :, 0]
        if self.outgoing is not None:
            return self.outgoing[:, None] * y
        return np.concatenate([u[:, d:] * y, (u[:, :d] * y).sum(1, keepdims=True) / 2], axis=1)

    def series(self, u: Array, cell: Array, decay: float, lengths: Array, terms: int) -> tuple[Array, Array]:
        """The coefficients of the solution and of its kink arguments."""
        d, M = self.X.shape[1], self._matrices(cell)
        m, size = u.shape
        U = np.zeros((terms + 1, m, size))
        U[0] = u
        if self.outgoing is not None:
            step = lengths[:, None, None] * (self.outgoing[:, None, None] * M - decay * np.eye(d))
            for k in range(terms):
                tick()
                U[k + 1] = (step @ U[k][:, :, None])[:, :, 0] / (k + 1)
        else:
            Y = np.zeros((terms, m, d))
            scale, G = lengths[:, None], np.empty((m, size))
            for k in range(terms):
                Y[k] = (M @ U[k, :, :d, None])[:, :, 0]
                back = Y[k::-1]
                G[:, :d] = (U[: k + 1, :, d:] * back).sum(0)
                G[:, d] = (U[: k + 1, :, :d] * back).sum((0, 2)) / 2
                U[k + 1] = scale * (G - decay * U[k]) / (k + 1)
        return U, U[:, :, :d] @ self.X.T


class LayeredSeries(PartSeries):
    """Any depth and power: power series through the layers, order by order, one network per part with the
    same shape.
    """

    def __init__(
        self,
        X: Array,
        z: Array,
        off: float,
        widths: tuple[int, ...],
        power: int,
        trained: tuple[int, ...],
        given: dict[int, Array],
    ) -> None:
        self.X, self.z, self.off, self.widths, self.power, self.trained, self.given = (
            X,
            z,
            off,
            widths,
            power,
            trained,
            given,
        )
        self.depth = len(widths) - 1
        self.order = sum(power ** (self.depth - layer) for layer in trained)
        self.kink_count = len(X) * sum(widths[1:-1])

    def select(self, parts: Array) -> LayeredSeries:
        """The series of the listed parts alone."""
        given = {layer: matrix[parts] for layer, matrix in self.given.items()}
        other = LayeredSeries(self.X, self.z, self.off, self.widths, self.power, self.trained, given)
        other.scale, other.reach = self.scale, self.reach
        return other

    def kinks(self, u: Array) -> Array:
        """The kink arguments of each part (parts × kink arguments)."""
        m = len(u)
        a, result = np.broadcast_to(self.X.T, (m, *self.X.T.shape)), []
        for matrix in self._matrices(u)[:-1]:
            z = matrix @ a
            result.append(z.reshape(m, -1))
            a = np.where(z > 0, 1.0, self.off) * z**self.power
        return np.concatenate(result, axis=1) if result else np.zeros((m, 0))

    def gradient(self, u: Array, cell: Array) -> Array:
        """grad N of each part (parts × weights) on the cell."""
        U, _ = self.series(u, cell, 0.0, np.ones(len(u)), 1)
        return U[1]

    def _shapes(self) -> list[tuple[int, int]]:
        return [(self.widths[layer], self.widths[layer - 1]) for layer in range(1, self.depth + 1)]

    def _matrices(self, u: Array) -> list[Array]:
        """The layers' matrices (... × parts × rows × columns) of weights (... × parts × weights), given ones
        as they are.
        """
        result, start = [], 0
        for layer, (rows, columns) in enumerate(self._shapes(), 1):
            if layer in self.trained:
                result.append(u[..., start : start + rows * columns].reshape(*u.shape[:-1], rows, columns))
                start += rows * columns
            else:
                result.append(self.given[layer])
        return result

    def series(self, u: Array, cell: Array, decay: float, lengths: Array, terms: int) -> tuple[Array, Array]:
        """The coefficients of the solution and of its kink arguments."""
        (m, size), n = u.shape, len(self.X)
        U = np.zeros((terms + 1, m, size))
        U[0] = u
        matrices = [W if layer in self.trained else W[None] for layer, W in enumerate(self._matrices(U), 1)]
        layers = _Layers(self, cell, terms + 1, m, n, matrices)
        for k in range(terms):
            tick()
            layers.forward(k)
            U[k + 1] = lengths[:, None] * (layers.backward(k) - decay * U[k]) / (k + 1)
        layers.forward(terms, kinks_only=True)
        return U, np.concatenate([z.reshape(terms + 1, m, -1) for z in layers.z], axis=2)


class _Layers:
    """The series of all signals of one network, extended one order at a time."""

    def __init__(
        self, field: LayeredSeries, cell: Array, terms: int, m: int, n: int, matrices: list[Array]
    ) -> None:
        self.field, self.matrices = field, matrices
        shapes = [(terms, m, width, n) for width in field.widths[1:-1]]
        self.cells, start = [], 0
        for shape in shapes:
            self.cells.append(cell[:, start : start + shape[2] * n].reshape(shape[1:]))
            start += shape[2] * n
        self.z = [np.zeros(shape) for shape in shapes]
        self.powers = [{1: z, **{q: np.zeros(z.shape) for q in range(2, field.power + 1)}} for z in self.z]
        self.activations = [
            np.broadcast_to(field.X.T, (1, m, *field.X.T.shape)),
            *(np.zeros(shape) for shape in shapes),
        ]
        self.slopes = [np.zeros(shape) for shape in shapes]
        self.signals = [*(np.zeros(shape) for shape in shapes), np.broadcast_to(field.z, (1, m, 1, n))]
        self.incoming = [np.zeros(shape) for shape in shapes]

    def forward(self, k: int, kinks_only: bool = False) -> None:
        """Order k of the kink arguments, activations and slopes of every layer."""
        power = self.field.power
        for layer, z in enumerate(self.z):
            z[k] = _product(self.matrices[layer], self.activations[layer], k)
            if kinks_only and layer == len(self.z) - 1:
                return
            chain = self.powers[layer]
            for q in range(2, power + 1):
                chain[q][k] = (chain[q - 1][: k + 1] * z[k::-1]).sum(0)
            self.activations[layer + 1][k] = self.cells[layer] * chain[power][k]
            if power > 1:
                self.slopes[layer][k] = power * self.cells[layer] * chain[power - 1][k]
            elif k == 0:
                self.slopes[layer][0] = self.cells[layer]

    def backward(self, k: int) -> Array:
        """Order k of the gradient in the trained weights (parts × weights)."""
        gradients: list[Array] = []
        for layer in range(self.field.depth, min(self.field.trained) - 1, -1):
            signal = self.signals[layer - 1]
            if layer in self.field.trained:
                product = _product(signal, self.activations[layer - 1], k, across=True)
                gradients.append(product.reshape(len(product), -1))
            if layer > 1:
                self.incoming[layer - 2][k] = _product(self.matrices[layer - 1], signal, k, transposed=True)
                self.signals[layer - 2][k] = (
                    self.incoming[layer - 2][: k + 1] * self.slopes[layer - 2][k::-1]
                ).sum(0)
        return np.concatenate(gradients[::-1], axis=1)


def _product(first: Array, second: Array, k: int, transposed: bool = False, across: bool = False) -> Array:
    """Order k of the matrix product `first second`, `first^T second` or `first second^T` of two series
    (length 1: constant).
    """
    if len(first) == 1 and len(second) == 1:
        a, b = first, second
        if k:
            a = np.zeros_like(first)
    elif len(first) == 1:
        a, b = first, second[k : k + 1]
    elif len(second) == 1:
        a, b = first[k : k + 1], second
    else:
        a, b = first[: k + 1], second[k::-1]
    if transposed:
        a = a.swapaxes(-1, -2)
    if across:
        b = b.swapaxes(-1, -2)
    return np.matmul(a, b).sum(0)


def series_of(problem: Problem, parts: tuple[tuple[int, ...], ...], shallow: bool) -> PartSeries:
    """The series of one group of a feed-forward network (its parts as `groups_of` lists them), in doubles."""
    found = _series(problem, parts, shallow)
    found.reach = float(np.max(np.linalg.norm(found.X, axis=1), initial=0.0)) or 1.0
    found.scale = _scale(found)
    if shallow and len(parts) == 1 and found.power == 2:
        found.inputs = found.X.shape[1]
    return found


def _scale(of: QuadraticSeries | LayeredSeries) -> float:
    """sum_i |z_i| |x_i|^q times the largest product of the layers' norms on the sphere, which bounds N if
    |alpha| <= 1.
    """
    depth, power = len(of.widths) - 1, of.power
    order = sum(power ** (depth - layer) for layer in of.trained)
    total = float(np.abs(of.z) @ np.linalg.norm(of.X, axis=1) ** (power ** (depth - 1)))
    for layer in range(1, depth + 1):
        share = power ** (depth - layer)
        norm = math.sqrt(share / order) if layer in of.trained else float(np.linalg.norm(of.given[layer][0]))
        total *= norm**share
    return max(total, 1e-300)


def _series(
    problem: Problem, parts: tuple[tuple[int, ...], ...], shallow: bool
) -> QuadraticSeries | LayeredSeries:
    network = problem.network
    if not isinstance(network, FeedForward):
        raise TypeError("only feed-forward networks have a series")
    X, z = problem.correlation.numbers(FLOAT)
    off, power = float(network.activation.off), network.activation.power
    if not shallow:
        given = {layer: FLOAT.array(matrix)[None] for layer, matrix in network.given.items()}
        found = LayeredSeries(X, z, off, network.widths, power, network.trained, given)
        found.rotations = tuple(network.rotations.values())
        return found
    X = network.features(X, FLOAT)
    outgoing = None
    if network.depth in network.given:
        neurons = [network.blocks.index(part) for part in parts]
        outgoing = FLOAT.array(network.given[network.depth])[0, neurons]
    if power == 2 and X.shape[1] <= 4 * len(X):
        return QuadraticSeries(X, z, off, outgoing)
    given = {} if outgoing is None else {2: outgoing[:, None, None]}
    return LayeredSeries(X, z, off, (X.shape[1], 1, 1), power, (1,) if given else (1, 2), given)
