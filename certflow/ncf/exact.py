"""The neural correlation function `N(w) = sum_i z_i H(x_i; w)`, exact: with max, on a cell, on the circle."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any, SupportsIndex

import numpy as np

from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.arithmetic.base import EXACT
from certflow.arithmetic.decimal_text import bits_for
from certflow.arithmetic.enclosure import OutsideDomain
from certflow.exact import exact_vector, whole
from certflow.ncf.planar import Arc, PlanarNCF, planar_ncf
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import BadInput
from certflow.problem import Problem, ProblemSource
from certflow.running import tick

MAX_DIGITS = 10_000


def correlation(problem: ProblemSource) -> NCF:
    """The exact NCF of a problem; nothing is computed before it is asked for."""
    return NCF(Problem.load(problem))


class NCF:
    """The exact NCF of one problem, with z_i = -omega l'(0, y_i). All parts are computed when first asked
    for.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.order = problem.order
        self.z = problem.z

    def __call__(self, w: Any) -> Fraction:
        """N(w), exactly, at the weights `w` (size: numbers of any kind).

        Raises `BadInput` for another number of weights, where N is not defined, and where an expression makes
        it irrational.
        """
        return Fraction(self._exactly(self.problem.correlation.value, w, "enclosed(w, digits) encloses it"))

    def enclosed(self, w: Any, digits: SupportsIndex = 30) -> Ball:
        """A ball that contains N(w), from a computation with so many digits; raises `BadInput` where N is not
        defined.
        """
        ar = BallArithmetic(bits_for(whole(digits, "digits", 1, MAX_DIGITS)))
        try:
            value: Ball = self.problem.correlation.value(ar, ar.array(self._weights(w)))
        except OutsideDomain as error:
            raise BadInput(f"N: it cannot be evaluated at these weights: {error}.") from None
        return value

    def gradient_at(self, w: Any) -> tuple[Fraction, ...]:
        """dN/dw at the weights `w`, exactly; on a kink, of the off-branch. Raises as a call does."""
        found = self._exactly(self.problem.correlation.gradient, w, "`gradient` has it for all weights")
        return tuple(map(Fraction, found))

    def _exactly(self, function: Any, w: Any, otherwise: str) -> Any:
        try:
            return function(EXACT, self._weights(w))
        except ZeroDivisionError:
            raise BadInput("w: the expression divides by zero there; move the weights.") from None
        except TypeError:
            raise BadInput(f"w: N is not rational there (an exponential, a root); {otherwise}.") from None

    def _weights(self, w: Any) -> np.ndarray:
        values = exact_vector(w, "w")
        if len(values) != self.problem.network.size:
            raise BadInput(
                f"w: {len(values)} entries for {self.problem.network.size} weights; give one per weight."
            )
        return np.array(values, dtype=object)

    def __repr__(self) -> str:
        return f"<NCF of {self.problem!r}>"

    def _repr_latex_(self) -> str:
        return self.latex()

    @cached_property
    def weights_symbols(self) -> tuple[Any, ...]:
        """One real sympy symbol per weight, in order."""
        from certflow.ncf.expressions import weight_symbols

        return weight_symbols(self.problem.network)

    @cached_property
    def value(self) -> Any:
        """N as one exact sympy expression in `weights_symbols`; activations are Max and Abs."""
        from certflow.ncf.expressions import network_expression

        return self._over_samples(network_expression(self.problem.network))

    @cached_property
    def gradient(self) -> tuple[Any, ...]:
        """dN/dw as exact sympy expressions (size); where the activation has a jump in its slope, Heaviside(0)
        = 1/2 and sign(0) = 0 choose the middle of the two branches.
        """
        from certflow.ncf.derivative import derivative
        from certflow.ncf.expressions import network_expression

        output = network_expression(self.problem.network)
        return tuple(self._over_samples(derivative(output, symbol)) for symbol in self.weights_symbols)

    def _over_samples(self, expression: Any) -> Any:
        """sum_i z_i times `expression` at x_i."""
        import sympy

        from certflow.ncf.expressions import input_symbols

        symbols, terms = input_symbols(self.problem.network), []
        for row, z in zip(self.problem.X, self.z, strict=True):
            tick()
            values = {
                s: sympy.Rational(v.numerator, v.denominator) for s, v in zip(symbols, row, strict=True)
            }
            terms.append(sympy.Rational(z.numerator, z.denominator) * _substituted(expression, values))
        return sympy.Add(*terms)

    # -- cells -----------------------------------------------------------------------------------------------

    def cell_at(self, w: Any) -> list[np.ndarray]:
        """The activation cell of the exact weights `w` (size): signs, one array per layer (n × width) or kink
        (n × 1).

        Raises `BadInput` for a wrong length.
        """
        from certflow.ncf.cells import cell_at

        return cell_at(self.problem, w)

    def on_cell(self, signs: Sequence[np.ndarray], block: int | None = None) -> Any:
        """N on the cell with these signs: an exact sympy polynomial with like terms collected (of one block,
        if given).

        A sign of 0 counts as the off-branch. Raises `BadInput` for signs that do not fit the network.
        """
        from certflow.ncf.cells import on_cell

        return on_cell(self.problem, signs, block)

    # -- the circle ------------------------------------------------------------------------------------------

    @property
    def is_planar(self) -> bool:
        """Whether the NCF is a sum of functions of one planar neuron each (`arcs` and `planar` exist)."""
        network = self.problem.network
        return (
            isinstance(network, FeedForward)
            and network.trained == (1,)
            and network.depth == 2
            and network.inputs == 2
        )

    @cached_property
    def planar(self) -> PlanarNCF:
        """The constrained NCF n on the circle of one planar neuron with output weight 1, for any power and
        alpha.

        Raises `BadInput` unless the network is one hidden layer of trained neurons with two inputs and fixed
        outputs.
        """
        network = self.problem.network
        if not (self.is_planar and isinstance(network, FeedForward)):
            raise BadInput(
                "network: the NCF on the circle needs neurons with two inputs and nothing else trained; "
                'use kind = "one-layer" and samples with two entries.'
            )
        return planar_ncf(self.problem.X, self.z, network.activation)

    def arcs(self) -> tuple[Arc, ...]:
        """The arcs of `planar`, counterclockwise; on each N is one exact trigonometric polynomial. Raises
        `BadInput`.
        """
        return self.planar.arcs

    # -- to read ---------------------------------------------------------------------------------------------

    def text(self, max_arcs: SupportsIndex | None = 120, exact: bool = False) -> str:
        """N, its gradient, the cell of the initial direction and the arcs, for a terminal.

        Coefficients longer than a few digits are shown as decimals after "~", unless `exact`; `max_arcs` None
        is all.
        """
        from certflow.ncf.text import text

        return text(self, max_arcs, exact)

    def latex(self, max_arcs: SupportsIndex | None = 24, exact: bool = False) -> str:
        """The same as LaTeX for the body of a document that loads amsmath; rounded coefficients stand after
        \\approx.
        """
        from certflow.ncf.text import latex

        return latex(self, max_arcs, exact)


def _substituted(expression: Any, values: dict[Any, Any]) -> Any:
    """`expression` with symbols replaced by numbers; Max and Abs stay unevaluated while symbols are left in
    them, because sympy's own comparison of their arguments is fifty times slower, and undecided.
    """
    import sympy

    def convert(e: Any) -> Any:
        if not e.args:
            return values.get(e, e)
        args = [convert(arg) for arg in e.args]
        if isinstance(e, sympy.Max | sympy.Min | sympy.Abs) and any(arg.free_symbols for arg in args):
            return e.func(*args, evaluate=False)
        return e.func(*args)

    return convert(expression)
