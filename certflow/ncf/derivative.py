"""Derivatives of network expressions, whose kinks sympy is asked not to look into.

Sympy's own `diff` divides by the base of a power, and an unevaluated `Max` that it then finds to be zero
gives nan.
"""

from __future__ import annotations

from typing import Any

import sympy


def derivative(expression: Any, symbol: sympy.Symbol) -> Any:
    """d expression/d symbol for expressions of networks: + * constant powers, Max and Min of two, Abs, smooth
    functions.

    Steps are `Heaviside(t)`, which is 1/2 at 0, and `sign(t)`, which is 0 there: the Clarke selection in the
    middle.
    """
    if symbol not in expression.free_symbols:
        return sympy.Integer(0)
    if expression == symbol:
        return sympy.Integer(1)
    if expression.is_Add:
        return sympy.Add(*(derivative(arg, symbol) for arg in expression.args))
    if expression.is_Mul:
        args = expression.args
        return sympy.Add(
            *(sympy.Mul(*args[:k], derivative(arg, symbol), *args[k + 1 :]) for k, arg in enumerate(args))
        )
    if expression.is_Pow:
        return _of_power(expression.base, expression.exp, symbol)
    if isinstance(expression, sympy.Max | sympy.Min):
        return _of_extreme(expression, symbol)
    (inner,) = expression.args
    slope = sympy.sign(inner) if isinstance(expression, sympy.Abs) else expression.fdiff(1)
    return slope * derivative(inner, symbol)


def _of_power(base: Any, exponent: Any, symbol: sympy.Symbol) -> Any:
    outer = exponent * sympy.Pow(base, exponent - 1)
    ramp = _ramp(base)
    if ramp is not None and exponent > 1:
        return outer * derivative(ramp, symbol)  # where the step would be 0, so is the power
    return outer * derivative(base, symbol)


def _ramp(expression: Any) -> Any | None:
    """The t of Max(0, t), or None."""
    if isinstance(expression, sympy.Max) and len(expression.args) == 2 and sympy.S.Zero in expression.args:
        return next(arg for arg in expression.args if arg is not sympy.S.Zero)
    return None


def _of_extreme(expression: Any, symbol: sympy.Symbol) -> Any:
    # Which argument comes first is sympy's choice; a number, if there is one, is the second here.
    first, second = sorted(expression.args, key=lambda arg: arg.is_number)
    _, difference = (first - second).as_content_primitive()
    step = sympy.Heaviside(difference if isinstance(expression, sympy.Max) else -difference)
    below = derivative(second, symbol)
    return below + step * (derivative(first, symbol) - below)
