"""Networks of every kind as sympy expressions H(x; w) in named weights and inputs."""

from __future__ import annotations

from typing import Any

import sympy

from certflow.networks.activation import Activation
from certflow.networks.base import Network
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward


def weight_symbols(network: Network) -> tuple[sympy.Symbol, ...]:
    """One real symbol per weight, in order."""
    return tuple(sympy.Symbol(name, real=True) for name in network.weight_names)


def input_symbols(network: Network) -> tuple[sympy.Symbol, ...]:
    """One real symbol per input, in order."""
    return tuple(sympy.Symbol(name, real=True) for name in network.input_names)


def network_expression(network: Network) -> Any:
    """H(x; w) as one sympy expression in `weight_symbols` and `input_symbols`, activations as max, abs and
    powers.
    """
    if isinstance(network, Expression):
        return network.sympy()
    if not isinstance(network, FeedForward):
        raise TypeError(f"no symbolic form of {type(network).__name__} is known")
    weights = iter(weight_symbols(network))
    activations: list[Any] = list(input_symbols(network))
    for layer in range(1, network.depth + 1):
        given = network.given.get(layer)
        rows = []
        for row in range(network.widths[layer]):
            factors = [
                next(weights) if given is None else _rational(given[row, j]) for j in range(len(activations))
            ]
            rows.append(sympy.Add(*(sympy.Mul(c, a) for c, a in zip(factors, activations, strict=True))))
        activations = (
            rows if layer == network.depth else [activation_expression(network.activation, z) for z in rows]
        )
    return activations[0]


def activation_expression(activation: Activation, z: Any) -> Any:
    """sigma(z) = max(z, alpha z)^power in its shortest form: max(0, z), z or abs(z) to the power where alpha
    is 0, 1, -1.
    """
    if activation.alpha == 1:
        inner = z
    elif z.is_number:
        inner = max(z, _rational(activation.alpha) * z)
    elif activation.alpha == -1:
        inner = sympy.Abs(z, evaluate=False)
    else:
        # Unevaluated: sympy's comparison of the arguments is slow, and undecided anyway.
        inner = sympy.Max(z, _rational(activation.alpha) * z, evaluate=False)
    return sympy.Pow(inner, activation.power)


def _rational(value: Any) -> sympy.Rational:
    return sympy.Rational(value.numerator, value.denominator)
