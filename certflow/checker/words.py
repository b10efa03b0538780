"""What every statement is put into words with: numbers as decimals, directions, and the problem.

Words only print. They are about what was read and checked, and no proof rests on them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

from .kernel.reading import Node, digest

SIDE_DIGITS, SHOWN_DIGITS, COORDINATES, LARGEST, LINES, CHARACTERS = 4, 9, 6, 3, 12, 200
"""Digits of numbers that are rounded to one side, and of others; entries of vectors that are shown, and of
long ones; lines that are printed unless all are asked for, and characters of an expression.
"""

ABOUT = "about "

_LOSSES = {"square": "(out - y)^2 / 2", "logistic": "2 log(1 + exp(-y out))"}


@dataclass(frozen=True)
class Say:
    """How numbers are said: as decimals, or `exact` as they are written."""

    exact: bool = False

    def down(self, text: str) -> str:
        """A rational, or a short decimal that is not above it."""
        return text if self.exact else _decimal(rational(text), SIDE_DIGITS, ROUND_FLOOR)

    def up(self, text: str) -> str:
        """A rational, or a short decimal that is not below it."""
        return text if self.exact else _decimal(rational(text), SIDE_DIGITS, ROUND_CEILING)

    def near(self, text: str) -> str:
        """A rational, or a decimal next to it, and then whether it is another number."""
        return text if self.exact else next_to(rational(text))

    def within(self, low: str, high: str) -> str:
        """The interval between two rationals, or a decimal next to its middle."""
        middle = (rational(low) + rational(high)) / 2
        return f"[{low}, {high}]" if self.exact else next_to(middle).removeprefix(ABOUT)

    def vector(self, texts: Sequence[str], numbers: Sequence[int] | None = None) -> str:
        """A direction: written out, or as an angle, or by its entries, or by the largest ones of weights with
        these `numbers` (from 1 on), as those of a unit vector.
        """
        if self.exact:
            return f"({', '.join(texts)})"
        values = [_number(text) for text in texts]
        top = max(map(abs, values))
        scaled = [float(v / top) for v in values]
        shown = [f"{v / math.hypot(*scaled):.6f}" for v in scaled]
        if len(shown) == 2:
            return f"{math.degrees(math.atan2(scaled[1], scaled[0])):.6f} degrees"
        if len(shown) <= COORDINATES:
            return f"({', '.join(shown)})"
        order = sorted(range(len(shown)), key=lambda i: -abs(scaled[i]))[:LARGEST]
        named = ", ".join(f"w{numbers[i] if numbers else i + 1} = {shown[i]}" for i in sorted(order))
        return f"{named}; {len(shown) - LARGEST} more"


DECIMALS = Say()


def next_to(value: Fraction) -> str:
    """A decimal that is the number, or else is said to be about the number."""
    found = _decimal(value, SHOWN_DIGITS)
    return found if Fraction(found) == value else f"{ABOUT}{found}"


def rational(text: str) -> Fraction:
    """An exact number of a claim or a problem."""
    return Node(text, "claim").rational()


def _number(text: str) -> Fraction:
    node = Node(text, "claim")
    return node.dyadic() if isinstance(text, str) and "*" in text else node.rational()


def _decimal(value: Fraction, digits: int, rounding: str = ROUND_HALF_EVEN) -> str:
    context = Context(prec=digits, rounding=rounding)
    found = context.normalize(context.divide(Decimal(value.numerator), Decimal(value.denominator)))
    return f"{found:f}" if not found or -6 <= found.adjusted() <= 12 else f"{found:e}"


def few(lines: list[str], every: bool) -> list[str]:
    """The first lines, and how many more there are; or `every` one."""
    if every or len(lines) <= LINES + 1:
        return lines
    return [*lines[:LINES], f"... and {len(lines) - LINES} more lines, which --all prints."]


def about(problem: dict[str, Any]) -> dict[str, Any]:
    """Kind, sizes and hashes of the problem of a certificate that was read, and its exact direction."""
    network, data = problem["network"], problem["data"]
    common = {
        "samples": len(data["y"]),
        "data_sha256": digest(data),
        "problem_sha256": digest(problem),
        "loss": problem["loss"],
        "direction": problem["direction"],
    }
    if network["kind"] == "expression":
        sizes = {"weights": len(network["weights"]), "inputs": len(network["inputs"])}
        return {"network": network, **sizes, **common}
    widths = network["widths"] if "widths" in network else [network["inputs"], network["width"], 1]
    trained = [1] if network["kind"] == "one-layer" else network.get("trained", list(range(1, len(widths))))
    power = network["activation"]["power"]
    return {
        "network": {key: value for key, value in network.items() if key != "given"},
        "widths": widths,
        "trained": trained,
        "order": sum(power ** (len(widths) - 1 - l) for l in trained),
        "weights": sum(widths[l] * widths[l - 1] for l in trained),
        "inputs": network["inputs"],
        **common,
    }


def described(problem: dict[str, Any], say: Say) -> list[str]:
    """The problem of a certificate that was read: its network, data, loss and start."""
    facts, data, loss = about(problem), problem["data"], problem["loss"]
    weights = facts["weights"]
    lines = [
        _expression(facts["network"], say) if "widths" not in facts else _layered(facts, say),
        f"Data: {facts['samples']} samples of {facts['inputs']} inputs, {_range(data, say)}; SHA-256 of the "
        f"data {facts['data_sha256']}.",
        f"Loss: the {loss['reduction']} of {_LOSSES[loss['kind']]}.",
        f"Start: the unit vector of {weights} weights {'along' if say.exact else 'at'} "
        f"{say.vector(problem['direction'])}.",
        f"SHA-256 of the problem: {facts['problem_sha256']}.",
    ]
    if say.exact:
        lines += [
            f"x_{i} = ({', '.join(x)}), y_{i} = {y}"
            for i, (x, y) in enumerate(zip(data["X"], data["y"], strict=True), 1)
        ]
        for l, matrix in sorted(problem["network"].get("given", {}).items()):
            lines += [f"W_{l}, row {i} = ({', '.join(row)})" for i, row in enumerate(matrix, 1)]
    return lines


def _layered(facts: dict[str, Any], say: Say) -> str:
    network, trained = facts["network"], facts["trained"]
    signs = network.get("signs")
    given = f", output signs: {signs.count(1)} are 1 and {signs.count(-1)} are -1" if signs else ""
    return (
        f"Network: {network['kind']}, widths {', '.join(map(str, facts['widths']))}, activation "
        f"{_activation(network['activation'], say)}{given}; order {facts['order']} in {facts['weights']} "
        f"trained weights (layer{'s' if len(trained) > 1 else ''} {', '.join(map(str, trained))})."
    )


def _expression(network: dict[str, Any], say: Say) -> str:
    output, long = network["output"], len(network["output"]) > CHARACTERS and not say.exact
    text = f"{output[:CHARACTERS]}... ({len(output)} characters)" if long else output
    weights, inputs = (_listed(network[key], say) for key in ("weights", "inputs"))
    return f"Network: {text}, of the weights {weights} and the inputs {inputs}."


def _listed(names: list[str], say: Say) -> str:
    if say.exact or len(names) <= COORDINATES:
        return ", ".join(names)
    return f"{', '.join(names[:LARGEST])}, ..., {names[-1]} ({len(names)})"


def _activation(sigma: dict[str, Any], say: Say) -> str:
    power = "" if sigma["power"] == 1 else f"^{sigma['power']}"
    other = {"0": "0", "-1": "-z"}.get(sigma["alpha"], f"{say.near(sigma['alpha'])} z")
    return f"z{power}" if sigma["alpha"] == "1" else f"max(z, {other}){power}"


def _range(data: dict[str, Any], say: Say) -> str:
    entries = {v for x in data["X"] for v in x}, set(data["y"])
    inputs, labels = (
        f"from {say.near(min(each, key=rational))} to {say.near(max(each, key=rational))}" for each in entries
    )
    return f"inputs {inputs}, labels {labels}"
