"""What every network offers: outputs, Jacobian and weighted Hessian in the weights, in any arithmetic."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.base import Arithmetic

Select = Callable[[int, Any], Any]
"""Given a layer (or kink) number and its kink arguments z, the cell: the array of branch coefficients for
z.
"""

Enclose = Callable[[int, Any], Any]
"""Given a layer (or kink) number and its kink arguments z, an enclosure of them that may be tighter, in the
same shape.
"""


@dataclass
class Forward:
    """One forward pass: what the derivatives need, and nothing is computed twice.

    `kinks[l]` are the arguments of the activations of layer l (n × width), `cells[l]` the coefficients chosen
    for them. `saved` belongs to the network that made the pass, and has its `outputs` and `block_outputs`.
    """

    ar: Arithmetic
    w: Any
    X: Any
    kinks: list[Any]
    cells: list[Any]
    saved: Any

    @property
    def outputs(self) -> Any:
        """The outputs H(x_i; w) (n)."""
        return self.saved.outputs

    @property
    def block_outputs(self) -> Any:
        """What every block adds to them (n × blocks)."""
        return self.saved.block_outputs


class Network(ABC):
    """A network `H(x; w)` with `size` weights, `inputs` inputs and one output.

    Weights are one flat vector; arrays hold numbers of one `Arithmetic`. All derivatives are those of the
    polynomial on the chosen cell, so on a kink they are the Clarke selection that the cell states.
    """

    inputs: int
    size: int

    @property
    @abstractmethod
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The indices of the weights of each separable block: H is the sum of functions of disjoint blocks.
        One block with all weights if no finer split is known."""

    @abstractmethod
    def part(self, places: Sequence[int]) -> Network:
        """The sum of the functions of some blocks of a separable network; neurons may be taken more than
        once.
        """

    def block(self, j: int) -> Network:
        """The network of block j alone, so that H(x; w) is the sum over j of `block(j)` at `w[blocks[j]]`."""
        return self.part([j]) if self.separable else self

    @property
    def is_sum_of_neurons(self) -> bool:
        """Whether H is a sum of neurons, on fixed features if layers below them are not trained."""
        return False

    @property
    def has_kinks(self) -> bool:
        """Whether any activation has two different branches; otherwise H is one polynomial in the weights."""
        return True

    @property
    def separable(self) -> bool:
        """Whether H is a sum of at least two functions of disjoint weights."""
        return len(self.blocks) > 1

    def check_samples(self, X: np.ndarray) -> None:
        """Raise `BadInput` for the first exact sample (rows of X) at which the output is not defined,
        whatever the weights.
        """
        del X  # layers are defined everywhere

    @property
    @abstractmethod
    def weight_names(self) -> tuple[str, ...]:
        """A name per weight, in order; the symbols of sympy expressions."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """A name per input, in order."""
        return tuple(f"x{i + 1}" for i in range(self.inputs))

    @abstractmethod
    def to_table(self) -> dict[str, Any]:
        """The `[network]` table of a problem file that `from_table` reads back to an equal network."""

    @abstractmethod
    def select_by_sign(self, ar: Arithmetic, layer: int, z: Any, at_kink: Fraction) -> Any:
        """The cell that the signs of `z` select, with weight `at_kink` on the on-branch where z = 0."""

    @abstractmethod
    def forward(
        self,
        ar: Arithmetic,
        w: Any,
        X: Any,
        select: Select | None = None,
        at_kink: Fraction = Fraction(0),
        enclose: Enclose | None = None,
    ) -> Forward:
        """One pass over the samples `X` (n × inputs) with weights `w` (size); `select` overrides the cells.

        Where `w` has a leading axis (many × size), so have all results, also those of the derivatives.

        `enclose` replaces kink arguments computed from `w` by what is otherwise known of them, for example
        that the weights lie in a Euclidean ball and not only in a box; it comes before `select`.
        """

    @abstractmethod
    def pullback(self, run: Forward, r: Any) -> Any:
        """The vector `sum_i r_i dH_i/dw` (size) for residuals `r` (n)."""

    @abstractmethod
    def jacobian(self, run: Forward) -> Any:
        """The matrix dH_i/dw (n × size)."""

    @abstractmethod
    def hessian(self, run: Forward, r: Any, directions: np.ndarray | None = None) -> Any:
        """The matrix `sum_i r_i d²H_i/dw²` (size × size), or its products with exact `directions` (rows) as
        rows.
        """

    def outputs(self, ar: Arithmetic, w: Any, X: Any, at_kink: Fraction = Fraction(0)) -> Any:
        """The outputs H(x_i; w) (n)."""
        return self.forward(ar, w, X, at_kink=at_kink).outputs


def directions_in(ar: Arithmetic, directions: np.ndarray | None, size: int) -> Any:
    """Exact directions (rows) in the given arithmetic, the `size` unit vectors if there are none; each
    different number of an array of machine integers is converted once.
    """
    rows = np.eye(size, dtype=int) if directions is None else directions
    if rows.dtype == object:
        return ar.array(rows)
    values, places = np.unique(rows, return_inverse=True)
    return ar.array(values.astype(object))[places.reshape(rows.shape)]
