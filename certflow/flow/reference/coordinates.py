"""The gradient flow's vector field in the two coordinates of L1, recorded on jets for the Taylor integrator.

Raw: `w_j = delta 2^(m_j) u_j` per block, with whole m_j that keep ‖u_j‖ near 1. By homogeneity this scaling
is exact: `u_j' = sum_i r_i dH_i(u_j)` in the block's own time s, `dt = (delta 2^m)^(2-L) ds`, and `H = sum_j
(delta 2^(m_j))^L h_j(u_j)`.

Polar: `w_j = rho_j theta_j`, `a_j = rho_j^L`, `d tau = rho^(L-2) dt`:
    theta_j' = g_j - <g_j, theta_j> theta_j,   (log rho_j)' = <g_j, theta_j>,   a_j' = L a_j <g_j, theta_j>,
with `g = sum_i r_i dH_i(theta)` and, for L > 2, `T' = (rho/delta)^(2-L)` for the scaled time `T = t
delta^(L-2)`.

In both nothing underflows: where every a_j is below the working precision the residuals are the constants
z_i, which is the limit direction flow. Where a kink holds the flow (power 1), g is the gradient along it
(`sliding.py`). Sources: L1 (`proofs_notes/L1-coordinates.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from gmpy2 import mpz

from certflow.arithmetic.base import Arithmetic
from certflow.arithmetic.jets import Constant, JetArithmetic, JetArray
from certflow.flow.reference.crossings import KinkArguments, RecordedKinks, to_floats
from certflow.flow.reference.sliding import Sliding
from certflow.losses import Loss
from certflow.networks.base import Forward, Network
from certflow.networks.correlation import Correlation
from certflow.networks.one_hidden_layer import OneLayer


class CellArithmetic(Arithmetic):
    """The jets of `ar` with the signs of kink arguments given beforehand."""

    name = "jets in a cell"
    is_rigorous = False

    def __init__(self, ar: JetArithmetic, signs: np.ndarray) -> None:
        self._ar, self._signs = ar, signs

    def number(self, value: Fraction) -> Any:
        return self._ar.number(value)

    def array(self, values: Any) -> Any:
        return self._ar.array(values)

    def sign(self, z: Any) -> np.ndarray:
        return np.sign(self._signs)  # those that slide have a side for the network, too

    def exp(self, z: Any) -> Any:
        return self._ar.exp(z)

    def sqrt(self, z: Any) -> Any:
        return self._ar.sqrt(z)


class RawCoordinates:
    """u' = sum_i r_i dH_i(u), the residuals r taken at H = sum_j scale_j h_j(u_j); `scales = None` is the
    limit flow.
    """

    def __init__(self, N: Correlation, y: np.ndarray, loss: Loss, ar: JetArithmetic, lower: int = 0) -> None:
        """`N` on the outputs of the `lower` layers that are given below the lowest trained one."""
        self.network, self.loss = N.network, loss
        self._X, self._y, self._z = ar.array(N.X), ar.array(y), ar.array(N.z)
        self.scales: Constant | None = None
        self.sliding = Sliding(N.network, N.X, ar, lower) if Sliding.serves(N.network) else None

    def set_scales(self, ar: JetArithmetic, scales: Sequence[mpz]) -> None:
        """The fixed-point numbers (delta 2^(m_j))^L, one per block; all zero means the limit flow (L1.5)."""
        if not any(scales):
            self.scales = None
        elif self.scales is None or list(self.scales.values) != list(scales):
            self.scales = Constant(ar, np.array(list(scales), dtype=object))

    def forward(self, ar: JetArithmetic, w: JetArray, signs: list[np.ndarray]) -> Forward:
        """The forward pass in the cell of `signs`."""

        def select(layer: int, argument: Any) -> Any:
            return self.network.select_by_sign(CellArithmetic(ar, signs[layer]), layer, argument, Fraction(0))

        return self.network.forward(ar, w, self._X, select=select if self.network.has_kinks else None)

    def pullback(self, run: Forward, r: Any, signs: list[np.ndarray]) -> tuple[JetArray, KinkArguments]:
        """sum_i r_i dH_i, along the kinks that hold the flow, and all kink arguments with the events of
        sliding.
        """
        gradient, kinks = self.network.pullback(run, r), run.kinks if self.network.has_kinks else []
        if self.sliding is not None:
            gradient, events = self.sliding.project(gradient, run, r, signs)
            kinks = kinks + events
        return gradient, RecordedKinks(kinks)

    def residuals(self, ar: JetArithmetic, run: Forward, scales: Any) -> Any:
        """r at the block outputs times `scales`; the constants z if there are none."""
        if scales is None:
            return self._z
        outputs = run.outputs * scales if scales.shape == (1,) else run.block_outputs @ scales
        return self.loss.residuals(ar, outputs, self._y)

    def trace(
        self, ar: JetArithmetic, y: JetArray, signs: list[np.ndarray]
    ) -> tuple[JetArray, KinkArguments]:
        """The equations of motion of the weights (L1.5)."""
        run = self.forward(ar, y, signs)
        return self.pullback(run, self.residuals(ar, run, self.scales), signs)


class LinearKinks:
    """The kink arguments x_i . u_j of a first layer, read off the coefficients of u instead of being
    recorded.
    """

    def __init__(self, X: np.ndarray, X_floats: np.ndarray, u: JetArray, bits: int) -> None:
        self._X, self._X_floats, self._u, self._bits = X, X_floats, u, bits
        self.count = X.shape[0] * u.shape[0]

    def floats(self, order: int) -> np.ndarray:
        u = to_floats(self._u.coefficients[:order], self._bits)
        return np.einsum("id,ojd->oij", self._X_floats, u).reshape(order, -1)

    def exact(self, index: int, order: int) -> np.ndarray:
        sample, neuron = divmod(index, self._u.shape[0])
        return (self._u.coefficients[:order, neuron] @ self._X[sample]) >> self._bits


class MomentCoordinates(RawCoordinates):
    """The raw field of `sum_j s_j max(z, alpha z)^2`, by moments: the same field, several times faster.

    H_i = sum_j s_j c_ij <x_i x_i^T, u_j u_j^T> and u_j' = 2 s_j M_j u_j with M_j = sum_i r_i c_ij x_i x_i^T:
    sums over samples act on d(d+1)/2 moments, and only 2 d² products of series per neuron are left.
    """

    def __init__(self, N: Correlation, y: np.ndarray, loss: Loss, ar: JetArithmetic) -> None:
        super().__init__(N, y, loss, ar)
        network, X = N.network, N.X
        if not isinstance(network, OneLayer):
            raise TypeError("moments are those of one layer of neurons")
        d = X.shape[1]
        self._pairs = [(a, b) for a in range(d) for b in range(a, d)]
        self._index = np.array(
            [[self._pairs.index((min(a, b), max(a, b))) for b in range(d)] for a in range(d)]
        )
        squares = np.array([[row[a] * row[b] for a, b in self._pairs] for row in X], dtype=object)
        doubled = squares * np.array([1 if a == b else 2 for a, b in self._pairs])
        self._moments, self._weighted = ar.array(squares), ar.array(doubled)
        self._signs = ar.array(network.signs)
        self._X_floats = X.astype(np.float64)
        self._ones = [ar.array(np.ones(len(self._pairs), dtype=int)), ar.array(np.ones(d, dtype=int))]

    @staticmethod
    def serves(network: Network) -> bool:
        """Whether this form exists for the network and saves work."""
        return (
            isinstance(network, OneLayer)
            and network.activation.power == 2
            and network.has_kinks
            and network.inputs <= 6
        )

    def trace(
        self, ar: JetArithmetic, y: JetArray, signs: list[np.ndarray]
    ) -> tuple[JetArray, KinkArguments]:
        u = y.reshape(-1, self.network.inputs)
        cell = self.network.select_by_sign(CellArithmetic(ar, signs[0]), 0, None, Fraction(0)) * self._signs
        residuals: Any = self._z
        if self.scales is not None:
            first, second = (np.array(column) for column in zip(*self._pairs, strict=True))
            squares = (u[:, first] * u[:, second]) * self.scales[:, None]
            residuals = self.loss.residuals(ar, ((cell @ squares) * self._weighted) @ self._ones[0], self._y)
        M = cell.T @ (self._moments * residuals[:, None])
        gradient = (M[:, self._index] * u[:, None, :]) @ self._ones[1]
        return (gradient * 2).reshape(-1), LinearKinks(self._X.values, self._X_floats, u, ar.bits)


class PolarCoordinates(RawCoordinates):
    """The L1 field; the state is theta (k), log(rho/delta) (B), alpha (B) and, for L > 2, (T, beta), where
    `a_j = scale_j alpha_j` and `(rho/delta)^(2-L)` is beta times a power of two that the driver keeps."""

    def __init__(
        self,
        N: Correlation,
        y: np.ndarray,
        loss: Loss,
        ar: JetArithmetic,
        order: int,
        blocks: Sequence[Sequence[int]],
        lower: int = 0,
    ) -> None:
        super().__init__(N, y, loss, ar, lower)
        self.order, self.count = order, len(blocks)
        membership = np.zeros((self.count, self.network.size), dtype=int)
        for j, indices in enumerate(blocks):
            membership[j, list(indices)] = 1
        self._membership = ar.array(membership)

    def trace(
        self, ar: JetArithmetic, y: JetArray, signs: list[np.ndarray]
    ) -> tuple[JetArray, KinkArguments]:
        """The equations of motion of directions, logarithms of norms and sizes (L1.3, L1.5, L1.6)."""
        k, count, order = self.network.size, self.count, self.order
        theta, alpha = y[:k], y[k + count : k + 2 * count]
        run = self.forward(ar, theta, signs)
        a = None if self.scales is None else alpha * self.scales
        gradient, kinks = self.pullback(run, self.residuals(ar, run, a), signs)
        growth = self._membership @ (gradient * theta)
        parts = [gradient - theta * (growth @ self._membership), growth, alpha * growth * order]
        if order > 2:
            beta = y[k + 2 * count + 1 : k + 2 * count + 2]
            parts += [beta * 1, beta * growth * (2 - order)]
        return parts[0].joined(parts[1:]), kinks
