"""The neural correlation function `N(w) = sum_i z_i H(x_i; w)`, or that of any other residuals, as an object.

One definition serves every arithmetic: floats propose, exact numbers, balls and midpoint-radius arrays prove,
jets follow flows. Weights with a leading axis (many × size) are evaluated together, and all results have that
axis, too.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from numbers import Rational
from typing import Any

import numpy as np

from certflow.arithmetic.base import Arithmetic
from certflow.arithmetic.enclosure import Enclosure
from certflow.networks.base import Enclose, Forward, Network, Select
from certflow.networks.feed_forward import FeedForward

_MOST_CONVERSIONS = 8
"""Number systems whose numbers are kept; a computation has fewer."""


@dataclass(eq=False)
class Evaluation:
    """N about the weights of one forward pass, on the cells of that pass."""

    network: Network
    run: Forward
    z: Any

    @cached_property
    def value(self) -> Any:
        """N (one number, or one for each of many weights)."""
        outputs = self.run.outputs
        return self.z @ outputs if outputs.ndim == 1 else outputs @ self.z

    @cached_property
    def gradient(self) -> Any:
        """The Clarke selection of ∇N on the cells ((many ×) size)."""
        return self.network.pullback(self.run, self.z)

    @cached_property
    def jacobian(self) -> Any:
        """The matrix dH_i/dw on the cells ((many ×) n × size): ∇N is the sum of its rows times z_i."""
        return self.network.jacobian(self.run)

    def hessian(self, directions: np.ndarray | None = None) -> Any:
        """The second derivative on the cells ((many ×) size × size), or its products with the exact rows
        `directions`.
        """
        return self.network.hessian(self.run, self.z, directions)


class Correlation:
    """`N(w) = sum_i z_i H(x_i; w)` of a network on samples X (n × inputs, exact).

    `z` (n) are exact numbers, or residuals that are only enclosed: balls, or an array of the number system
    that N will be evaluated in. Doubles in X or z can be evaluated in doubles alone.
    """

    def __init__(self, network: Network, X: Any, z: Any) -> None:
        self.network = network
        self.X = _read_only(X).reshape(len(X), network.inputs)
        self.z = _read_only(z) if isinstance(z, np.ndarray | list | tuple) else z
        self._numbers: dict[Arithmetic, tuple[Any, Any]] = {}

    @property
    def size(self) -> int:
        """The number of weights."""
        return self.network.size

    @cached_property
    def order(self) -> int | Fraction:
        """The order L of homogeneity, `N(c w) = c^L N(w)` for c > 0; `BadInput` for a network that has
        none.
        """
        from certflow.structure.homogeneity import homogeneity

        return homogeneity(self.network).order

    @cached_property
    def smoothness(self) -> float:
        """At least how smooth N is: inf, r >= 0 for C^(r,1) (0: locally Lipschitz), or
        `UNKNOWN_SMOOTHNESS`.
        """
        from certflow.structure.smoothness import smoothness_of

        return smoothness_of(self.network)

    # -- evaluation ------------------------------------------------------------------------------------------

    def at(
        self,
        ar: Arithmetic,
        w: Any,
        select: Select | None = None,
        at_kink: Fraction = Fraction(0),
        enclose: Enclose | None = None,
    ) -> Evaluation:
        """N about the weights `w` ((many ×) size) in numbers of `ar`; the options are those of
        `Network.forward`. Raises `ValueError` for another number of weights.
        """
        if w.shape[-1] != self.size:
            raise ValueError(f"N has {self.size} weights, not {w.shape[-1]}")
        X, z = self.numbers(ar)
        return Evaluation(self.network, self.network.forward(ar, w, X, select, at_kink, enclose), z)

    def value(self, ar: Arithmetic, w: Any) -> Any:
        """N(w)."""
        return self.at(ar, w).value

    def gradient(self, ar: Arithmetic, w: Any, at_kink: Fraction = Fraction(0)) -> Any:
        """∇N(w); on kinks the Clarke selection that weighs the on-branch by `at_kink` (L6.40)."""
        return self.at(ar, w, at_kink=at_kink).gradient

    def hessian(self, ar: Arithmetic, w: Any, directions: np.ndarray | None = None) -> Any:
        """The second derivative at w, or its products with exact `directions`; on kinks of the off-branch."""
        return self.at(ar, w).hessian(directions)

    def numbers(self, ar: Arithmetic) -> tuple[Any, Any]:
        """X and z in numbers of `ar`, converted once. Raises `TypeError` for residuals that these cannot
        hold.
        """
        found = self._numbers.get(ar)
        if found is None:
            for oldest in list(self._numbers)[: 1 - _MOST_CONVERSIONS]:
                self._numbers.pop(oldest, None)
            if ar.is_rigorous and self._is_approximate:
                raise TypeError(
                    "samples and residuals in doubles are evaluated in doubles; give exact numbers."
                )
            found = self._numbers[ar] = ar.array(self.X), self._residuals(ar)
        return found

    @cached_property
    def _is_approximate(self) -> bool:
        values = (*self.X.ravel(), *(self.z if isinstance(self.z, np.ndarray) else ()))
        return not all(isinstance(value, Rational | Enclosure) for value in values)

    def _residuals(self, ar: Arithmetic) -> Any:
        z = self.z
        if not isinstance(z, np.ndarray):
            if type(z) is not type(ar.array([Fraction(0)])):
                raise TypeError(
                    f"residuals of type {type(z).__name__} are not evaluated in {ar.name} numbers; enclose "
                    f"them in balls"
                )
            return z
        if not any(isinstance(each, Enclosure) for each in z):
            return ar.array(z)
        ends = [(each.lower(), each.upper()) if isinstance(each, Enclosure) else (each, each) for each in z]
        hulls = [ar.hull(low, high) for low, high in ends]
        if isinstance(hulls[0], Enclosure):
            return np.array(hulls, dtype=object)
        return np.concatenate([hull.reshape(1) for hull in hulls])

    def __reduce__(self) -> tuple[Any, ...]:
        # Conversions are made again where they are needed: balls do not leave their process.
        return Correlation, (self.network, self.X, self.z)

    # -- views -----------------------------------------------------------------------------------------------

    def with_residuals(self, r: Any) -> Correlation:
        """`sum_i r_i H(x_i; w)` with other residuals on the same samples."""
        return Correlation(self.network, self.X, r)

    def seen_by(self, network: Network) -> Correlation:
        """That of another network with the same samples and residuals, which are not converted again."""
        other = Correlation(network, self.X, self.z)
        other._numbers = self._numbers
        return other

    def block(self, j: int) -> Correlation:
        """The part that block j of the weights has: N is the sum over j of `block(j)` at
        `w[network.blocks[j]]`.
        """
        return self.seen_by(self.network.block(j))

    def restricted(self, indices: Collection[int]) -> Correlation:
        """N as a function of the weights `indices` alone, in increasing order, while all others are 0.

        Raises `ValueError` unless these are whole blocks.
        """
        chosen, blocks = set(indices), self.network.blocks
        places = [j for j, block in enumerate(blocks) if chosen.issuperset(block)]
        if not places or sum(len(blocks[j]) for j in places) != len(chosen):
            raise ValueError(f"the weights {sorted(chosen)} are not those of one or more whole blocks")
        return self if len(places) == len(blocks) else self.seen_by(self.network.part(places))

    def on_features(self) -> Correlation:
        """The same N, seen from the lowest trained layer: the outputs of the layers below are the samples."""
        network = self.network
        if not isinstance(network, FeedForward) or min(network.trained) == 1:
            return self
        return Correlation(network.without_features(), network.features(self.X), self.z)

    def neuron(self) -> Correlation:
        """One neuron of a sum of neurons on their features; its output weight is 1 if that is not trained."""
        seen, network = self.on_features(), self.network
        if not isinstance(network, FeedForward) or not network.is_sum_of_neurons:
            raise ValueError("the network is not a sum of neurons")
        trained, given = ([1, 2], None) if network.depth in network.trained else ([1], {2: [[Fraction(1)]]})
        one = FeedForward([seen.network.inputs, 1, 1], network.activation, trained, given)
        return Correlation(one, seen.X, self.z)


def _read_only(values: Any) -> np.ndarray:
    """An object array of these values that nobody can change."""
    fixed = isinstance(values, np.ndarray) and values.dtype == object and not values.flags.writeable
    if fixed and (values.base is None or not values.base.flags.writeable):
        return values
    result = np.array(values, dtype=object)
    result.setflags(write=False)
    return result
