"""The parts of a group as networks that can be evaluated many at a time: one neuron each, one deep network,
or one expression.

Where only the last two layers are trained, H is a sum of neurons of the last hidden layer on fixed features,
and N and its derivatives split into these parts. Any list of (part, region) pairs is then one *wide* network
with one neuron per pair, so that a whole tube is enclosed in a few array operations. An expression takes many
weight vectors at once.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from certflow.arithmetic.base import EXACT
from certflow.arithmetic.directed import float_up, up
from certflow.arithmetic.eigenvalues import largest_eigenvalue, symmetric_norm_upper
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad
from certflow.flow.curve import GroupWeights
from certflow.networks.activation import Activation, KinkPower, PiecewisePower
from certflow.networks.base import Forward
from certflow.networks.correlation import Correlation, Evaluation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.piecewise import PiecewisePolynomial, piecewise_form
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.running import tick
from certflow.units import refuse_inputs_far_from_one

LARGEST_PART = 400
"""What the checker evaluates; a neuron with 399 inputs, or a deep network with 400 weights."""

LONGEST_TEXT, DEEPEST_TEXT, HIGHEST_ORDER, MOST_WORDS, MOST_WORK, MOST_GRADIENTS = (
    20_000,
    60,
    64,
    400_000,
    4_000_000,
    200_000,
)
"""What the checker reads of an expression (R15): its characters, its parentheses inside each other, its
order, samples times words, samples times terms times weights of a part, and samples times these.
"""

_WORD = re.compile(r"\*\*|\w+|\S")
_NEURONS_AT_ONCE = 512
_NUMBERS_AT_ONCE = 20_000
"""Samples times weights of an expression whose gradients are held at the same time."""


class OverlapCell(NamedTuple):
    """The branch coefficients of kink arguments, and how far each argument leaves the side of its branch at
    most (None: not at all).
    """

    branch: MidRad
    overlap: MidRad | None

    def reshape(self, *shape: Any) -> OverlapCell:
        """The same entries in another shape."""
        overlap = None if self.overlap is None else self.overlap.reshape(*shape)
        return OverlapCell(self.branch.reshape(*shape), overlap)


class Overlapping(PiecewisePower):
    """A function with a kink on polynomials, with what it costs that a branch is continued past its kink
    (L3.3).

    Where the kink argument leaves the branch's side by at most zeta, the true function differs by at most
    |jump| zeta^p and its derivative by at most |jump| p zeta^(p-1) (L3).
    """

    jump: Fraction

    def derivative(self, cell: Any, z: Any, times: int = 0) -> Any:
        """As without overlap, widened by its cost; only times 0 and 1."""
        branch, overlap = cell
        value = super().derivative(branch, z, times)
        if overlap is None:
            return value
        jump = MIDRAD.number(abs(self.jump))
        cost = jump * (overlap**self.power if times == 0 else overlap ** (self.power - 1) * self.power)
        return value.with_error(cost.upper())


class OverlapActivation(Overlapping, Activation):
    """The activation on polynomials (L3.3)."""

    @property
    def jump(self) -> Fraction:  # type: ignore[override]
        """The difference of the branch coefficients."""
        return 1 - self.off


class OverlapKink(Overlapping, KinkPower):
    """A kink step on polynomials (L12.17)."""

    @property
    def jump(self) -> Fraction:  # type: ignore[override]
        """The difference of the coefficients of both sides."""
        return self.right - self.left


@dataclass(frozen=True)
class Parts(ABC):
    """The parts `indices` (weight indices of each) of one group of a problem: `count` parts of `size`
    weights; `N` is the NCF of the group.

    *Entries* are pairs of a part and a place: a piece of a curve, or a region.
    """

    problem: Problem
    indices: GroupWeights
    N: Correlation

    @property
    def count(self) -> int:
        """The number of parts."""
        return len(self.indices)

    @property
    def size(self) -> int:
        """The number of weights of one part."""
        return len(self.indices[0])

    @property
    def X(self) -> np.ndarray:
        """The exact samples of N (n × d)."""
        return self.N.X

    @property
    def shallow(self) -> bool:
        """Whether the parts are neurons."""
        return False

    @property
    def rotations(self) -> dict[int, np.ndarray]:
        """Hidden layer -> the weights of its neurons, where these can be rotated within the group."""
        return {}

    @property
    def first_trained(self) -> bool:
        """Whether the first kink arguments are linear in the weights, and enclosed in balls."""
        return False

    @abstractmethod
    def wide(self, places: np.ndarray, overlap: bool = False) -> Correlation:
        """N of one part per entry of `places`, each one of the parts; with `overlap` for polynomials."""

    @abstractmethod
    def flat(self, weights: Any) -> Any:
        """Weights (entries × size) as the weights of `wide`."""

    @abstractmethod
    def unflat(self, vector: Any, entries: int) -> Any:
        """The inverse of `flat`."""

    @abstractmethod
    def chunks(self, entries: int, multiple: int) -> Iterator[slice]:
        """Slices of `entries` that are evaluated at once, each a whole number of `multiple`."""

    @abstractmethod
    def select(self, layer: int, z: Any) -> Any:
        """The overlap cell of polynomial kink arguments of a layer, or of a kink step."""

    @abstractmethod
    def first_kinks(self, run: Forward) -> Any:
        """The first kink arguments as entries × n × kinks, of which `first_trained` speaks."""

    @abstractmethod
    def jacobians(self, at: Evaluation, entries: int) -> Any:
        """The gradients of all outputs, n × entries × size."""

    @abstractmethod
    def hessians(self, at: Evaluation, entries: int) -> Any:
        """The second derivatives of N, entries × size × size."""

    @abstractmethod
    def outputs(self, at: Evaluation) -> Any:
        """The output of each entry, n × entries."""

    @abstractmethod
    def silent(self, at: Evaluation) -> bool:
        """Whether on the cells and enclosures of a pass no sample gives a gradient, for a single part."""

    @abstractmethod
    def output_bounds(self) -> np.ndarray:
        """beta_i >= |h_ij(u)| for every part j of the problem and unit u (groups of order 2), one per sample
        (L3.7)."""

    @abstractmethod
    def steepest(self) -> float:
        """An upper bound of the largest eigenvalue of all generalised Hessians of a group that is one part,
        of order 2 (L5.11)."""


@dataclass(frozen=True)
class LayeredParts(Parts):
    """Of a feed-forward `network`: neurons on their features, or the whole network as one part; `own` is the
    network of the group.
    """

    network: FeedForward
    own: FeedForward

    @property
    def shallow(self) -> bool:
        """Whether the parts are neurons."""
        return self.network.is_sum_of_neurons

    @property
    def rotations(self) -> dict[int, np.ndarray]:
        """Hidden layer -> the weights of its neurons, where these can be rotated within the group."""
        return {} if self.shallow else self.network.rotations

    @property
    def first_trained(self) -> bool:
        """Whether the first kink arguments move with the weights."""
        return 1 in self.own.trained

    @property
    def outgoing(self) -> tuple[Fraction, ...]:
        """The output weights of neurons that only have given ones."""
        given = self.own.given.get(self.own.depth) if self.shallow else None
        return () if given is None else tuple(given[0])

    def wide(self, places: np.ndarray, overlap: bool = False) -> Correlation:
        """N of one neuron per entry of `places`, each one of the parts; of a deep group (one entry) N
        itself.
        """
        network, activation = (
            self.own.part(places.tolist()) if self.shallow else self.own,
            self.own.activation,
        )
        if overlap:
            network = network.with_activation(OverlapActivation(activation.alpha, activation.power))
        return self.N.seen_by(network)

    def flat(self, weights: Any) -> Any:
        """Weights (entries × size) as the weight vector of `wide`."""
        if not self.shallow:
            return weights[0]
        d = self.X.shape[1]
        rows = weights[:, :d].reshape(-1)
        return rows if self.size == d else np.concatenate([rows, weights[:, d]])

    def unflat(self, vector: Any, entries: int) -> Any:
        """The inverse of `flat`; leading axes stay."""
        lead = tuple(vector.shape[:-1])
        if not self.shallow:
            return vector.reshape(*lead, 1, self.size)
        d = self.X.shape[1]
        rows = vector[..., : entries * d].reshape(*lead, entries, d)
        if self.size == d:
            return rows
        return np.concatenate([rows, vector[..., entries * d :].reshape(*lead, entries, 1)], axis=-1)

    def chunks(self, entries: int, multiple: int) -> Iterator[slice]:
        """Slices of `entries` that are evaluated at once, each a whole number of `multiple`."""
        step = max(1, _NEURONS_AT_ONCE // multiple) * multiple if self.shallow else 1
        return _slices(entries, step)

    def select(self, layer: int, z: Any) -> Any:
        """The overlap cell of polynomial kink arguments."""
        del layer
        return branches(self.own.activation, z)

    def first_kinks(self, run: Forward) -> Any:
        """The first kink arguments as entries × n × kinks."""
        first = run.kinks[0]
        return first.T[:, :, None] if self.shallow else first[None]

    def jacobians(self, at: Evaluation, entries: int) -> Any:
        """The gradients of all outputs, n × entries × size."""
        return self.unflat(at.jacobian, entries)

    def hessians(self, at: Evaluation, entries: int) -> Any:
        """The second derivatives, from `size` products with the block diagonal Hessian: direction i moves
        weight i of every entry.
        """
        directions = np.eye(self.size, dtype=int)
        if self.shallow:
            unit = directions[:, None].repeat(entries, axis=1)
            directions = np.array([self.flat(each) for each in unit])
        return self.unflat(at.hessian(directions), entries).transpose(1, 0, 2)

    def outputs(self, at: Evaluation) -> Any:
        """The output of each entry, n × entries."""
        return at.run.block_outputs if self.shallow else at.run.outputs[:, None]

    def silent(self, at: Evaluation) -> bool:
        """Whether every sample is strictly inactive in all neurons of a hidden layer (L12.9)."""
        inactive = [(layer.upper() < 0).all(axis=1) for layer in at.run.kinks]
        return bool(np.any(inactive, axis=0).all())

    def output_bounds(self) -> np.ndarray:
        """|v| |x|² or |x|/2; |alpha| <= 1 (L3.7)."""
        X, _ = self.N.numbers(MIDRAD)
        squares = up((X * X).sum(axis=1).upper())
        network = self.network
        if network.depth in network.trained:
            return up(np.sqrt(squares) / 2)
        largest = max(abs(v) for v in network.given[network.depth][0])
        return up(float_up(largest) * squares)

    def steepest(self) -> float:
        """Of a neuron, from the exact form (L5.11)."""
        X, z, d = self.X, self.problem.z, self.X.shape[1]
        if self.outgoing:
            off, (v,) = self.network.activation.off, self.outgoing
            # Each x x^T is positive semidefinite, so the largest weights give the largest form.
            weights = np.array([2 * max(v * r, v * r * off) for r in z], dtype=object)
            form = X.T @ (weights[:, None] * X)
        else:
            # A linear neuron: the Hessian is 0 but for the products of its output weight with the others.
            form = np.zeros((d + 1, d + 1), dtype=object)
            form[d, :d] = form[:d, d] = z @ X
        return largest_eigenvalue(MIDRAD.array(form))


@dataclass(frozen=True)
class ExpressionParts(Parts):
    """Of an expression: one part, a block or the whole, as a piecewise polynomial `own` (L12.17)."""

    own: PiecewisePolynomial

    def wide(self, places: np.ndarray, overlap: bool = False) -> Correlation:
        """N, which takes many weight vectors at once."""
        del places
        return self.N.seen_by(self.own.with_steps(OverlapKink)) if overlap else self.N

    def flat(self, weights: Any) -> Any:
        """Weights (entries × size) as they are."""
        return weights

    def unflat(self, vector: Any, entries: int) -> Any:
        """The inverse of `flat`."""
        return vector.reshape(entries, self.size)

    def chunks(self, entries: int, multiple: int) -> Iterator[slice]:
        """Slices of `entries` that are evaluated at once."""
        del multiple
        return _slices(entries, max(1, _NUMBERS_AT_ONCE // (len(self.X) * self.size)))

    def select(self, layer: int, z: Any) -> Any:
        """The overlap cell of the polynomial arguments of a kink step."""
        return branches(self.own.kink(layer), z)

    def first_kinks(self, run: Forward) -> Any:
        """None: all kink arguments are enclosed from boxes of weights."""
        return run.block_outputs[:, :, :0]

    def jacobians(self, at: Evaluation, entries: int) -> Any:
        """The gradients of all outputs, n × entries × size."""
        return at.jacobian.transpose(1, 0, 2)

    def hessians(self, at: Evaluation, entries: int) -> Any:
        """The second derivatives of N, entries × size × size."""
        return at.hessian()

    def outputs(self, at: Evaluation) -> Any:
        """The output of each entry, n × entries."""
        return at.run.outputs.T

    def silent(self, at: Evaluation) -> bool:
        """Whether all gradients are exactly 0 (L12.18)."""
        return not at.jacobian.magnitude().any()

    def output_bounds(self) -> np.ndarray:
        """Half the norms of the second derivatives, which do not depend on the weights but for the sides of
        kinks (L12.18)."""
        return expression_bounds(self.problem)

    def steepest(self) -> float:
        """Of all second derivatives, whatever the sides of kinks (L12.18)."""
        A = self.hessians(self.N.at(MIDRAD, everywhere(self)), 1)
        return largest_eigenvalue(((A + A.transpose(0, 2, 1)) * Fraction(1, 2))[0])

    def largest_outputs(self) -> np.ndarray:
        """Upper bounds of |h_i(u)| for every unit u, one per sample (L12.18)."""
        return self.N.at(MIDRAD, everywhere(self)).run.outputs.magnitude()[0]


def _slices(entries: int, step: int) -> Iterator[slice]:
    for start in range(0, entries, step):
        tick()
        yield slice(start, min(start + step, entries))


@functools.lru_cache(maxsize=8)
def expression_bounds(problem: Problem) -> np.ndarray:
    """beta_i >= |h_ij(u)| for every block j of an expression of order 2 and every unit u, one per sample
    (L12.18).
    """
    largest = np.zeros(problem.n)
    for block in problem.blocks:
        parts = parts_of(problem, (block,))
        if isinstance(parts, ExpressionParts):
            run = parts.N.at(MIDRAD, everywhere(parts)).run
            norms = symmetric_norm_upper(parts.own.sample_hessians(run).magnitude()[0])
            largest = np.maximum(largest, up(norms / 2))
    return largest


def everywhere(parts: Parts) -> MidRad:
    """One entry that contains all weights of length at most 1."""
    return MidRad.exact(np.zeros((1, parts.size))).widened(1.0)


def parts_of(problem: Problem, indices: GroupWeights) -> Parts:
    """The parts of the group with these weight indices.

    Raises `Inconclusive` for networks whose gradient is not locally Lipschitz, or not piecewise polynomial.
    """
    network = problem.network
    if len(indices[0]) > LARGEST_PART:
        raise Inconclusive(
            f"a part of the network has {len(indices[0])} weights; certificates are checked for parts of at "
            f"most {LARGEST_PART}."
        )
    if isinstance(network, Expression):
        return _expression_parts(problem, network, indices)
    if not isinstance(network, FeedForward):
        raise TypeError(f"certified flows of a {type(network).__name__} are not known")
    if network.activation.has_kink and network.activation.power < 2 and network.depth > 1:
        raise Inconclusive(
            "the gradient jumps at kinks of activations of power 1; certified flows need power 2 or more, or "
            "alpha = 1."
        )
    own, N = network, problem.correlation
    if network.is_sum_of_neurons:
        neurons = network.part([network.blocks.index(part) for part in indices])
        own, N = neurons.without_features(), N.seen_by(neurons).on_features()
    return LayeredParts(problem, indices, N, network, own)


def _require_readable(problem: Problem, network: Expression, size: int) -> None:
    """Raise `Inconclusive` for an expression that is too long for the checker."""
    text, n = network.output, problem.n
    words = len(_WORD.findall(text)) + 1
    nesting = max(itertools.accumulate((c == "(") - (c == ")") for c in text), default=0)
    large = (
        (len(text), LONGEST_TEXT, "characters"),
        (nesting, DEEPEST_TEXT, "parentheses inside each other"),
        (problem.order, HIGHEST_ORDER, "as its order"),
        (n * words, MOST_WORDS, "samples times words"),
        # No two terms of a sum are without an operator between them.
        (n * (1 + size) * (1 + words // 2), MOST_WORK, "samples times terms times weights"),
        (n * size, MOST_GRADIENTS, "samples times weights"),
    )
    for value, most, of in large:
        if value > most:
            raise Inconclusive(
                f"the expression has {value} {of}, and certificates are checked for at most {most}."
            )


def _expression_parts(problem: Problem, network: Expression, indices: GroupWeights) -> ExpressionParts:
    (block,) = indices
    _require_readable(problem, network, len(block))
    refuse_inputs_far_from_one(problem)
    whole = len(block) == network.size
    own = network if whole else network.part([network.blocks.index(block)])
    if not isinstance(own, Expression):
        raise TypeError("a block of an expression is an expression")
    piecewise, X = piecewise_form(own, problem.X)
    return ExpressionParts(problem, indices, Correlation(piecewise, X, problem.z), piecewise)


def branches(activation: Activation | KinkPower, z: Any) -> OverlapCell:
    """The overlap cell of polynomial kink arguments: the branch of each at y = 1/2, and how far each
    leaves its side (L3.3)."""
    on = z.middle_values() > 0
    branch = MIDRAD.array(activation.coefficients(EXACT, np.where(on, 1, -1)))
    if isinstance(activation, Activation) and not activation.has_kink:
        return OverlapCell(branch, None)
    low, high = bernstein_range(z)
    overlap = np.where(on, np.maximum(0.0, -low), np.maximum(0.0, high))
    return OverlapCell(branch, MidRad.exact(overlap) if overlap.any() else None)


def bernstein_range(z: Any) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of polynomials on [0, 1]: the smallest and largest Bernstein coefficient, sharp at both ends
    (L3.3).

    Sharpness at the ends matters: a piece that begins or ends at a kink must not seem to overlap it.
    """
    n = z.degree
    coefficients = _bernstein_basis(n) @ z.coefficients.reshape(n + 1, -1)
    return coefficients.lower().min(axis=0).reshape(z.shape), coefficients.upper().max(axis=0).reshape(
        z.shape
    )


@functools.lru_cache(maxsize=128)
def _bernstein_basis(n: int) -> MidRad:
    """The matrix that takes coefficients of degree n to those in Bernstein's basis."""
    basis = [[Fraction(math.comb(i, k), math.comb(n, k)) for k in range(n + 1)] for i in range(n + 1)]
    return MIDRAD.array(np.array(basis, dtype=object))
