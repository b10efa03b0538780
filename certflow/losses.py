"""Convex losses: residuals, values and curvature bounds, written once for every arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.base import Arithmetic
from certflow.exact import number, short_number, shown
from certflow.outcome import BadInput

REDUCTIONS = ("mean", "sum")

_TRIED_OUTPUTS = (Fraction(-4), Fraction(-1), Fraction(-1, 16), Fraction(1, 16), Fraction(1), Fraction(4))
"""Outputs at which a custom loss must be convex with the curvature it states, as far as balls decide."""

Residual = Callable[[Arithmetic, Any, Any], Any]


@dataclass(frozen=True)
class Loss:
    """`sum_i omega l(H_i, y_i)` with omega = 1 (sum) or 1/n (mean).

    `kind` is "square" (`(H - y)²/2`), "logistic" (`2 log(1 + exp(-y H))`, y = 1 or -1) or "custom": then
    `residual` computes `-l'(H, y)` with `+ - * /` and `ar.exp`, elementwise, `curvature` bounds l'' and
    `at_zero` gives the exact `-l'(0, y)`. That a custom loss is convex with that curvature is the user's
    word; `check_labels` refuses what its own residual contradicts. Only the first two can be written to a
    file.
    """

    kind: str = "square"
    reduction: str = "mean"
    residual: Residual | None = None
    curvature: Fraction | None = None
    at_zero: Callable[[Fraction], Fraction] | None = None

    def __post_init__(self) -> None:
        if self.reduction not in REDUCTIONS:
            raise BadInput(f"loss.reduction: {self.reduction!r} is not one of mean, sum.")
        if self.kind not in ("square", "logistic", "custom"):
            raise BadInput(f"loss.kind: {self.kind!r} is not one of square, logistic.")
        if self.kind == "custom" and None in (self.residual, self.curvature, self.at_zero):
            raise BadInput("loss: a custom loss needs residual, curvature and at_zero.")
        if self.curvature is not None:
            object.__setattr__(self, "curvature", short_number(self.curvature, "loss.curvature"))

    def omega(self, n: int) -> Fraction:
        """The weight of one sample."""
        return Fraction(1, n) if self.reduction == "mean" else Fraction(1)

    def curvature_bound(self) -> Fraction:
        """An upper bound m of l'' on the whole line: 1 for square, 1/2 for logistic (L1.4, L3.7)."""
        return (
            {"square": Fraction(1), "logistic": Fraction(1, 2)}.get(self.kind)
            or self.curvature
            or Fraction(0)
        )

    def initial_residuals(self, y: np.ndarray) -> np.ndarray:
        """The exact `z_i = -omega l'(0, y_i)` (object array of `Fraction`, n): omega y_i for square and
        logistic (L1.4)."""
        at_zero = self.at_zero or (lambda label: label)
        return np.array(
            [self.omega(len(y)) * number(at_zero(label), "loss.at_zero") for label in y], dtype=object
        )

    def residuals(self, ar: Arithmetic, outputs: Any, y: Any) -> Any:
        """The residuals `r_i = -omega l'(H_i, y_i)` (n) for outputs and labels in the arithmetic `ar`
        (L1.2, L1.5, L2.1, L3.7)."""
        omega = ar.number(self.omega(y.shape[0]))
        if self.kind == "square":
            return (y - outputs) * omega
        if self.kind == "logistic":
            # -l' = 2 y / (1 + exp(y H))
            if hasattr(ar, "logistic"):
                return ar.logistic(y * outputs) * (y * (2 * omega))
            return (y * (2 * omega)) / (ar.exp(y * outputs) + 1)
        if self.residual is None:
            raise BadInput("loss: a custom loss needs its residual.")
        return self.residual(ar, outputs, y) * omega

    def value(self, outputs: np.ndarray, y: np.ndarray) -> float:
        """The loss in double precision (an approximation, for plots)."""
        omega = float(self.omega(len(y)))
        if self.kind == "square":
            return float(omega * 0.5 * np.sum((outputs - y) ** 2))
        if self.kind == "logistic":
            return float(omega * 2.0 * np.sum(np.logaddexp(0.0, -y * outputs)))
        raise BadInput("loss: the value of a custom loss is not known, only its derivative.")

    def check_labels(self, y: np.ndarray) -> None:
        """Raise `BadInput` for labels the loss cannot use."""
        if self.kind == "logistic":
            for i, label in enumerate(y):
                if label not in (1, -1):
                    raise BadInput(
                        f"data.y[{i}]: the label {label} is not 1 or -1, which the logistic loss needs."
                    )
        if self.kind == "custom":
            self._check_custom(y)

    def _check_custom(self, y: np.ndarray) -> None:
        """Raise `BadInput` if enclosures of the residual contradict `at_zero`, convexity or the curvature."""
        from certflow.arithmetic.ball import BallArithmetic

        ar = BallArithmetic(128)
        labels, omega = ar.array(y), self.omega(len(y))

        def residuals(output: Fraction) -> Any:
            try:
                return self.residuals(ar, ar.array(np.full(len(y), output, dtype=object)), labels) / omega
            except TypeError as error:
                raise BadInput(
                    f"loss.residual: it must work in every arithmetic, with exact numbers only: {error}."
                ) from error

        start = residuals(Fraction(0))
        for i, value in enumerate(self.initial_residuals(y) / omega):
            if not start[i].contains(value):
                raise BadInput(
                    f"loss.at_zero: it gives {value} for data.y[{i}], but the residual at output 0 is "
                    f"{start[i]}."
                )
        for output in _TRIED_OUTPUTS:
            for i, change in enumerate((start - residuals(output)) / output):
                if change.less(0):
                    raise BadInput(
                        f"loss.residual: for data.y[{i}] it increases between outputs 0 and {output}; l is "
                        f"not convex."
                    )
                if change.greater(self.curvature_bound()):
                    raise BadInput(
                        f"loss.curvature: {shown(self.curvature_bound())} is too small; for data.y[{i}] the "
                        f"residual falls by {change} per unit between outputs 0 and {output}."
                    )
