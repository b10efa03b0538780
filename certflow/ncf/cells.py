"""The NCF on an activation cell, where it is one polynomial with exact coefficients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from sympy.polys.rings import PolyElement, PolyRing, ring

from certflow.arithmetic.ball import BallArithmetic
from certflow.arithmetic.base import EXACT, UNKNOWN, Arithmetic
from certflow.exact import exact_vector
from certflow.ncf.arithmetic import outputs_on_cell
from certflow.networks.expansion import MAX_TERMS, expand
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import BadInput
from certflow.problem import Problem

_DECIDING_BITS = 512

MAX_MONOMIALS = 500_000

Signs = Sequence[np.ndarray]
"""A cell: the signs (-1, 0, 1) of the kink arguments, one array per layer or kink as in `Forward.kinks`."""


class _RingArithmetic(Arithmetic):
    """Polynomials with rational coefficients as numbers; only constants have a sign."""

    name = "polynomials"
    is_rigorous = True

    def __init__(self, polynomials: PolyRing) -> None:
        self.ring = polynomials

    def number(self, value: Fraction) -> PolyElement:
        return self.ring.ground_new(self.ring.domain(value.numerator, value.denominator))

    def sign(self, z: Any) -> np.ndarray:
        constants = [value.LC if value.is_ground else None for value in np.asarray(z, dtype=object).ravel()]
        signs = [UNKNOWN if c is None else (c > 0) - (c < 0) for c in constants]
        return np.array(signs, dtype=np.int8).reshape(np.shape(z))

    def exp(self, z: Any) -> Any:
        raise TypeError("the exponential of a polynomial is not a polynomial")

    def sqrt(self, z: Any) -> Any:
        raise TypeError("the square root of a polynomial is not a polynomial")


def cell_at(problem: Problem, w: Any) -> list[np.ndarray]:
    """The signs of all kink arguments at the exact weights `w` (size); 0 where `w` lies on a kink.

    Raises `BadInput` for a wrong length, and where roots leave a sign undecided.
    """
    network = problem.network
    weights = np.array(exact_vector(w, "weights"), dtype=object)
    if len(weights) != network.size:
        raise BadInput(f"weights: {len(weights)} entries for {network.size} weights; give one per weight.")
    try:
        run = network.forward(EXACT, weights, problem.X)
        return [EXACT.sign(z) for z in run.kinks]
    except ZeroDivisionError:
        raise BadInput(
            "weights: the expression divides by zero there, so they lie in no cell; move them."
        ) from None
    except TypeError:  # irrational roots: enclosed instead
        balls = BallArithmetic(_DECIDING_BITS)
        run = network.forward(balls, balls.array(weights), balls.array(problem.X))
        signs = [balls.sign(z) for z in run.kinks]
    if any((part == UNKNOWN).any() for part in signs):
        raise BadInput("weights: they lie on, or within rounding of, a kink behind a root; move them off it.")
    return signs


def on_cell(problem: Problem, signs: Signs, block: int | None = None) -> Any:
    """N on a cell as a sympy expression with like terms collected, in `weight_symbols`; of one separable
    block if given.

    A polynomial for layered networks and for expressions without roots and quotients. Raises `BadInput` for
    signs that do not fit the network, and where there are too many terms.
    """
    network = problem.network
    _check(problem, signs)
    blocks = range(len(network.blocks)) if block is None else [block]
    if isinstance(network, FeedForward):
        return sympy.Add(*(layered_polynomial(problem, signs, j).as_expr() for j in blocks))
    if isinstance(network, Expression) and expand(network.tree) is None:
        raise BadInput(f"network: N on a cell has too many terms; about {MAX_TERMS} are multiplied out.")
    cells = [
        network.select_by_sign(EXACT, layer, _fractions(part), Fraction(0))
        for layer, part in enumerate(signs)
    ]
    outputs = outputs_on_cell(network, problem.X, cells)
    total = sympy.expand(
        sympy.Add(
            *(sympy.Rational(z.numerator, z.denominator) * h for z, h in zip(problem.z, outputs, strict=True))
        )
    )
    if block is None:
        return total
    others = [
        name
        for j, indices in enumerate(network.blocks)
        if j != block
        for name in (network.weight_names[i] for i in indices)
    ]
    return total.subs({sympy.Symbol(name, real=True): 0 for name in others})


def monomial_bound(network: FeedForward) -> int:
    """An upper bound of the number of terms of one block's polynomial on a cell."""
    terms, moving = 1, False
    for layer in range(1, network.depth + 1):
        # A power of a sum of `terms` monomials has this many; before the first trained layer there are only
        # numbers.
        each = math.comb(terms + network.activation.power - 1, network.activation.power) if moving else 1
        units = 1 if layer == network.depth and network.separable else network.widths[layer - 1]
        moving = moving or layer in network.trained
        terms = units * each if moving else 1
    return terms


def layered_polynomial(problem: Problem, signs: Signs, block: int = 0) -> PolyElement:
    """N of one block of a layered network on a cell: a sparse polynomial over the rationals in the block's
    weights.

    Raises `BadInput` if it may have more than `MAX_MONOMIALS` terms.
    """
    whole = problem.network
    bound = monomial_bound(whole) if isinstance(whole, FeedForward) else 0
    if bound > MAX_MONOMIALS:
        raise BadInput(
            f"network: N on a cell may have {bound} terms; at most {MAX_MONOMIALS} are multiplied out."
        )
    indices, network = whole.blocks[block], whole.block(block)
    # A neuron of the last hidden layer is a block of its own; the layers below are the same for all blocks.
    parts = [*signs[:-1], signs[-1][:, [block]]] if whole.separable else signs
    polynomials, *weights = ring([sympy.Symbol(whole.weight_names[i], real=True) for i in indices], sympy.QQ)
    ar = _RingArithmetic(polynomials)
    w = np.empty(len(indices), dtype=object)
    w[:] = weights

    def select(layer: int, z: Any) -> Any:
        return network.select_by_sign(ar, layer, ar.array(_fractions(parts[layer])), Fraction(0))

    outputs = network.forward(ar, w, ar.array(problem.X), select=select).outputs
    return sum((z * h for z, h in zip(ar.array(problem.z), outputs, strict=True)), polynomials.zero)


def _fractions(signs: np.ndarray) -> np.ndarray:
    result = np.empty(signs.shape, dtype=object)
    for index, sign in np.ndenumerate(signs):
        result[index] = Fraction(int(sign))
    return result


def _check(problem: Problem, signs: Signs) -> None:
    network, n = problem.network, problem.n
    if isinstance(network, FeedForward):
        expected = [(n, width) for width in network.widths[1:-1]]
    else:
        expected = [z.shape for z in cell_at(problem, list(problem.direction))]
    given = [np.shape(part) for part in signs]
    if given != expected:
        raise BadInput(
            f"signs: the shapes {given} do not fit this network; give arrays of shapes {expected}, as "
            f"cell_at does."
        )
    for layer, part in enumerate(signs):
        if not np.isin(part, (-1, 0, 1)).all():
            raise BadInput(f"signs[{layer}]: every sign is -1, 0 or 1.")
