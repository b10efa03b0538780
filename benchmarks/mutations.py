"""How much of a certificate the checker needs: kill rates of systematic mutations of the accepted corpus.

    python benchmarks/mutations.py [FILE ...]

Every stored bound is tightened twofold and coefficients are moved by a thousandth of the size of their piece,
one at a time, with the hash recomputed. A survivor is a valid proof all the same: the checker derived every
bound of the unchanged claim again from the mutated file. Survivors are bounds with slack and coefficients
that do not matter at the claim's precision.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from certflow.checker import check_text
from certflow.exact import format_dyadic

COEFFICIENTS = 40
Mutation = tuple[str, dict[str, Any]]


def sealed(content: dict[str, Any]) -> str:
    """The canonical text with its hash recomputed."""
    rest = {key: value for key, value in content.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return json.dumps(
        {**rest, "sha256": hashlib.sha256(text.encode()).hexdigest()}, sort_keys=True, separators=(",", ":")
    )


def scaled(text: str, numerator: int, halvings: int) -> str:
    """The dyadic number times numerator 2^-halvings."""
    mantissa, exponent = (int(part) for part in text.split("*2^"))
    return format_dyadic(mantissa * numerator, exponent - halvings)


def tightened(text: str) -> str:
    """A rate mu, half as much growth or twice as much contraction."""
    return scaled(text, 2, 0) if text.startswith("-") else scaled(text, 1, 1)


def bounds(content: dict[str, Any]) -> Iterator[Mutation]:
    """mu, r and s of every step and gamma, r0 and s of every trap, tightened twofold."""
    for g, group in enumerate(content["groups"]):
        for w, window in enumerate(group["windows"]):
            for k in range(len(window["steps"])):
                for place, name in enumerate(("mu", "r", "s")):
                    mutant = copy.deepcopy(content)
                    step = mutant["groups"][g]["windows"][w]["steps"][k]
                    step[place] = tightened(step[place]) if place == 0 else scaled(step[place], 1, 1)
                    yield f"step {name}", mutant
        if group["trap"] is not None:
            for name, factor, halvings in (("gamma", 2, 0), ("r0", 1, 1), ("s", 1, 1)):
                mutant = copy.deepcopy(content)
                trap = mutant["groups"][g]["trap"]
                trap[name] = scaled(trap[name], factor, halvings)
                yield f"trap {name}", mutant


def coefficients(content: dict[str, Any], rng: random.Random) -> Iterator[Mutation]:
    """Coefficients moved by a thousandth of the largest of their piece (at least one unit)."""
    places = [
        (g, w, j, i, row, k)
        for g, group in enumerate(content["groups"])
        for w, window in enumerate(group["windows"])
        for j, pieces in enumerate(window["parts"])
        for i, piece in enumerate(pieces)
        for row, own in enumerate(piece[1])
        for k in range(len(own))
    ]
    for g, w, j, i, row, k in rng.sample(places, min(COEFFICIENTS, len(places))):
        mutant = copy.deepcopy(content)
        piece = mutant["groups"][g]["windows"][w]["parts"][j][i]
        size = max(abs(c) for own in piece[1] for c in own)
        piece[1][row][k] += max(1, size // 1000)
        yield "coefficient", mutant


def claims(content: dict[str, Any]) -> Iterator[Mutation]:
    """Numbers of the claim one per cent stronger: a larger delta_bar and radius, a smaller epsilon, C and
    angles.
    """
    for name, factor in (
        ("delta_bar", Fraction(101, 100)),
        ("radius", Fraction(101, 100)),
        ("n_max_upper", Fraction(99, 100)),
    ):
        if content["claim"][name] is not None:
            mutant = copy.deepcopy(content)
            mutant["claim"][name] = str(Fraction(content["claim"][name]) * factor)
            yield f"claim {name}", mutant
    mutant = copy.deepcopy(content)
    mutant["claim"]["growth"]["factor_squared"] = str(
        Fraction(content["claim"]["growth"]["factor_squared"]) * Fraction(99, 100)
    )
    yield "claim factor_squared", mutant
    for b, block in enumerate(content["claim"]["blocks"]):
        for name in ("angle_at_horizon", "angle_at_radius"):
            if block[name] is not None:
                mutant = copy.deepcopy(content)
                mutant["claim"]["blocks"][b][name] = str(Fraction(block[name]) * Fraction(99, 100))
                yield f"claim {name}", mutant


def main() -> None:
    """Print killed/all per kind of mutation."""
    corpus = Path(__file__).parent.parent / "tests" / "certificates" / "accept"
    files = [Path(name) for name in sys.argv[1:]] or sorted(
        path for path in corpus.glob("*.json") if not path.stem.startswith("kkt-")
    )
    killed: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for path in files:
        content = json.loads(path.read_text(encoding="ascii"))
        for source in (claims(content), bounds(content), coefficients(content, random.Random(1))):
            for kind, mutant in source:
                tried[kind] += 1
                killed[kind] += check_text(sealed(mutant)).verdict != "accepted"
        print(path.name, flush=True)
    for kind in tried:
        print(f"{kind:24} {killed[kind]:5} of {tried[kind]:5} killed")


if __name__ == "__main__":
    main()
