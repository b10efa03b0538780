"""Networks with their data and loss: outputs, gradients, the function N and its second derivatives, in
extended doubles.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from .expressions import Expression
from .extended import LD, TINY, array, exact, extended, length, unit

Pull = Callable[[np.ndarray], np.ndarray]
Branches = list[np.ndarray]
POLISHING = 8


class Layers:
    """`W_D sigma(W_(D-1) ... sigma(W_1 x))` with sigma(z) = max(z, alpha z)^p, some layers trained, the
    others given.
    """

    def __init__(self, table: dict[str, Any], X: Sequence[Sequence[Any]]) -> None:
        kind, inputs = table["kind"], table["inputs"]
        self.widths = table["widths"] if kind == "feed-forward" else [inputs, table["width"], 1]
        self.depth = len(self.widths) - 1
        self.alpha, self.p = exact(table["activation"]["alpha"]), table["activation"]["power"]
        given = {int(l): rows for l, rows in table.get("given", {}).items()}
        if kind == "one-layer":
            given = {2: [table.get("signs", [1] * table["width"])]}
        self.exact_given = {l: [[exact(v) for v in row] for row in rows] for l, rows in given.items()}
        self.given = {l: array(rows) for l, rows in self.exact_given.items()}
        self.trained = [l for l in range(1, self.depth + 1) if l not in given]
        self.order = sum(self.p ** (self.depth - l) for l in self.trained)
        self.off = extended(self.alpha**self.p)
        self.X = array(X)
        self.places: dict[int, tuple[int, int]] = {}
        self.size = 0
        for l in self.trained:
            count = self.widths[l] * self.widths[l - 1]
            self.places[l] = (self.size, self.size + count)
            self.size += count

    @property
    def parts(self) -> list[list[int]]:
        """The weights of each neuron if the network is a sum of neurons, else all weights."""
        if self.trained[0] < self.depth - 1:
            return [list(range(self.size))]
        parts: list[list[int]] = [[] for _ in range(self.widths[-2])]
        for l in self.trained:
            first, end = self.places[l]
            for w in range(first, end):
                parts[w - first if l == self.depth else (w - first) // self.widths[l - 1]].append(w)
        return parts

    def matrices(self, u: np.ndarray) -> list[np.ndarray]:
        """The weights of all layers, trained or given."""
        return [
            u[slice(*self.places[l])].reshape(self.widths[l], self.widths[l - 1])
            if l in self.places
            else self.given[l]
            for l in range(1, self.depth + 1)
        ]

    def run(
        self, u: np.ndarray, branches: Branches | None = None
    ) -> tuple[np.ndarray, Pull, Branches, list[np.ndarray]]:
        """The outputs, r -> sum_i r_i grad H_i, the branches (of the activations, taken from the signs unless
        given) and their arguments.
        """
        W = self.matrices(u)
        outputs, arguments, taken = [self.X], [], []
        for l in range(self.depth - 1):
            z = outputs[-1] @ W[l].T
            c = np.where(z > 0, LD(1), self.off) if branches is None else branches[l]
            arguments.append(z)
            taken.append(c)
            outputs.append(c * z**self.p)

        def pull(r: np.ndarray) -> np.ndarray:
            g, back = np.zeros(self.size, dtype=LD), r[:, None]
            for l in range(self.depth, self.trained[0] - 1, -1):
                if l in self.places:
                    g[slice(*self.places[l])] = (back.T @ outputs[l - 1]).ravel()
                if l > self.trained[0]:
                    back = (back @ W[l - 1]) * (taken[l - 2] * self.p * arguments[l - 2] ** (self.p - 1))
            return g

        return (outputs[-1] @ W[-1].T)[:, 0], pull, taken, arguments

    def kinks(self, u: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """The arguments of the activations of each hidden layer, and what they would be about if nothing
        cancelled.
        """
        _, _, taken, arguments = self.run(u)
        found, below = [], self.X
        for W, c, z in zip(self.matrices(u)[:-1], taken, arguments, strict=True):
            found.append((z, np.abs(below).max(axis=1)[:, None] * np.abs(W).max() + 0 * z))
            below = c * z**self.p
        return found

    def features(self, X: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """The exact outputs of the given layers below the lowest trained one."""
        rows = [[exact(v) for v in row] for row in X]
        for l in range(1, self.trained[0]):
            z = [
                [sum(a * b for a, b in zip(w, row, strict=True)) for w in self.exact_given[l]] for row in rows
            ]
            rows = [[max(v, self.alpha * v) ** self.p for v in row] for row in z]
        return rows


class Net:
    """The problem of a record: outputs of the network on the samples, residuals of the loss, and N(w) = sum_i
    z_i H_i(w).
    """

    def __init__(self, record: dict[str, Any]) -> None:
        self.record, table = record, record["network"]
        X, labels = record["data"]["X"], record["data"]["y"]
        self.layers = Expression(table, X) if table["kind"] == "expression" else Layers(table, X)
        self.size, self.order, self.run = self.layers.size, self.layers.order, self.layers.run
        self.y, self.square = array(labels), record["loss"]["kind"] == "square"
        omega = exact(f"1/{len(labels)}") if record["loss"]["reduction"] == "mean" else exact(1)
        self.omega, self.z = extended(omega), array(omega * exact(y) for y in labels)
        self.start = unit(array(_moderate(record["direction"])))

    @property
    def sha256(self) -> str:
        """The hash of the record, as certificates state it."""
        text = json.dumps(self.record, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    @property
    def blocks(self) -> list[list[int]]:
        """The weights whose directions are followed by themselves: the parts for order 2, else all weights
        together.
        """
        parts = self.layers.parts
        return parts if self.order == 2 else [list(range(self.size))]

    def residuals(self, outputs: np.ndarray) -> np.ndarray:
        """-omega l'(H, y)."""
        if self.square:
            return self.omega * (self.y - outputs)
        return self.omega * 2 * self.y / (1 + np.exp(np.minimum(self.y * outputs, LD(11_000))))

    def block(self, weights: Sequence[int]) -> Part:
        """N of these weights, all others zero."""
        return Part(self, list(weights))


class Part:
    """N as a function of some weights of a net, all others zero."""

    def __init__(self, net: Net, weights: list[int]) -> None:
        self.net, self.weights, self.order, self.size = net, weights, net.order, len(weights)

    def all_weights(self, v: np.ndarray) -> np.ndarray:
        """These weights in their place among all."""
        u = np.zeros(self.net.size, dtype=LD)
        u[self.weights] = v
        return u

    def at(self, v: np.ndarray, branches: Branches | None = None) -> tuple[Any, np.ndarray, Branches]:
        """N, its gradient and the branches taken."""
        outputs, pull, taken, _ = self.net.run(self.all_weights(v), branches)
        return (self.net.z * outputs).sum(), pull(self.net.z)[self.weights], taken

    def scale(self, v: np.ndarray) -> Any:
        """The size that N and its gradient have at a unit vector before samples cancel, to measure rounding
        with.
        """
        return max(length(self.at(v)[1]), self.order * self._terms(v), TINY)

    @cached_property
    def typical(self) -> Any:
        """The same at some unit vectors: where all samples are on kinks, `scale` says little."""
        draw = np.random.default_rng(0)
        return max(self.scale(unit(draw.standard_normal(self.size).astype(LD))) for _ in range(8))

    def _terms(self, v: np.ndarray) -> Any:
        return np.abs(self.net.z * self.net.run(self.all_weights(v))[0]).sum()

    def on_kinks(self, v: np.ndarray) -> list[np.ndarray]:
        """Which samples are on the kink of which activation there, up to rounding; samples that are zero are
        on none.
        """
        return [
            (np.abs(z) <= 1e-12 * size) & (size > 0) for z, size in self.net.layers.kinks(self.all_weights(v))
        ]

    def hessian(self, v: np.ndarray, branches: Branches) -> np.ndarray:
        """The second derivatives on these branches: differences of order 4 of a polynomial gradient."""
        H, h = np.zeros((self.size, self.size), dtype=LD), LD(2.0**-18)
        for i in range(self.size):
            e = np.zeros(self.size, dtype=LD)
            e[i] = h
            g = [self.at(v + c * e, branches)[1] for c in (-2, -1, 1, 2)]
            H[i] = (g[0] - 8 * g[1] + 8 * g[2] - g[3]) / (12 * h)
        return (H + H.T) / 2

    def residual(self, v: np.ndarray) -> Any:
        """The length of grad N - L N v at a unit vector: zero at KKT points."""
        N, g, _ = self.at(v)
        return length(g - self.order * N * v)

    def polished(self, v: np.ndarray, rounds: int = POLISHING, flat: bool = False) -> np.ndarray:
        """Newton's method for grad N = L N v, |v| = 1, from v: the unit vector where it ends; with `flat` by
        the shortest steps, to one of a continuum.
        """
        v = unit(v)
        for _ in range(rounds):
            N, g, branches = self.at(v)
            H, rate = self.hessian(v, branches), self.order * N
            scale = max(np.abs(g).max(), np.abs(H).max(), TINY)
            M, rhs = np.zeros((self.size + 1, self.size + 1)), np.zeros(self.size + 1)
            M[:-1, :-1] = (H - rate * np.eye(self.size)) / scale
            M[:-1, -1], M[-1, :-1] = -v, v
            rhs[:-1], rhs[-1] = (rate * v - g) / scale, (1 - (v * v).sum()) / 2
            try:
                whole = np.linalg.lstsq(M, rhs, rcond=1e-9)[0] if flat else np.linalg.solve(M, rhs)
                move = whole[:-1].astype(LD)
            except np.linalg.LinAlgError:
                break
            if not np.isfinite(move).all() or length(move) > 10:
                break
            v = unit(v + move)
            if length(move) < 1e-18:
                break
        return v

    def nearest(self, v: np.ndarray, point: np.ndarray) -> np.ndarray:
        """The KKT point of the continuum of `point` that is nearest to v: of a neuron of power 2 whose form
        has equal eigenvalues, or of a deep linear network.
        """
        if self.net.layers.p != 2:
            return self.nearest_of_rank_one(v)
        N, _, branches = self.at(point)
        H, rate, d = self.hessian(point, branches), self.order * N, self.size - (self.order == 3)
        scale = np.abs(H).max()
        M = (H / scale - rate / scale * np.eye(self.size)).astype(float)
        values, vectors = np.linalg.eigh(M + 3 * np.outer(point, point).astype(float))
        along = [e[:d] for e, value in zip(vectors.T, values, strict=True) if abs(value) < 1e-8]
        frame, _ = np.linalg.qr(np.array([point[:d].astype(float), *along]).T)
        w = unit((frame @ (frame.T @ v[:d].astype(float))).astype(LD))
        return unit(np.concatenate([w * length(point[:d]), point[d:]]))

    def nearest_of_rank_one(self, v: np.ndarray, rounds: int = 400) -> np.ndarray:
        """The KKT point with N of the sign at v that is nearest to a unit vector v, of a deep linear network
        all of whose layers are trained: W_l = D^(-1/2) a_l a_(l-1)^T, by maximising the cosine over one unit
        vector a_l after the other (an upper bound of the distance).
        """
        v, layers = unit(v), self.net.layers
        W, g = layers.matrices(v), self.net.z @ layers.X
        a = [g / length(g) * np.sign(self.at(v)[0]), *(w[:, 0] * 0 for w in W[:-1]), np.ones(1, dtype=LD)]
        for l, w in enumerate(W[:-1], 1):
            a[l] = unit(w @ a[l - 1])
        for _ in range(rounds):
            for l in range(1, len(W)):
                a[l] = unit(W[l - 1] @ a[l - 1] + W[l].T @ a[l + 1])
        return unit(np.concatenate([np.outer(a[l + 1], a[l]).ravel() for l in range(len(W))]))

    def spectrum(self, v: np.ndarray, branches: Branches) -> tuple[np.ndarray, Any]:
        """The eigenvalues of the Hessian minus L N on the tangent space of a unit vector, rising, as
        multiples of a scale.
        """
        H = self.hessian(v, branches)
        scale = max(self.scale(v), np.abs(H).max())
        across = np.linalg.svd(v[None, :].astype(float))[2][1:]
        tangential = across @ (H / scale).astype(float) @ across.T
        return np.linalg.eigvalsh(tangential) - float(self.order * self.at(v)[0] / scale), scale

    def ascend(self, draw: np.random.Generator, starts: int, steps: int, sign: int = 1) -> list[np.ndarray]:
        """Unit vectors from random starts, each after so many steps along the gradient of sign * N."""
        found = []
        for _ in range(starts):
            v = unit(draw.standard_normal(self.size).astype(LD))
            for _ in range(steps):
                g = sign * self.at(v)[1]
                ahead = v + g / max(length(g), TINY)
                if not ahead.any():
                    # One weight, and the other of its two directions is higher.
                    ahead = -v
                v = unit(ahead)
            found.append(v)
        return found


def _moderate(values: Sequence[Any]) -> list[Any]:
    """Exact numbers over the largest of them, so that no extended double is too small or too large."""
    numbers = [exact(v) for v in values]
    largest = max(map(abs, numbers))
    return [v / largest for v in numbers]
