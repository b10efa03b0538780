"""How much larger than delta_bar delta may be in truth: for every built-in problem the largest delta, ten per
decade, for which the flow meets what is claimed for delta_bar (epsilon, horizon, growth and radius).

    python benchmarks/tightness.py [PROBLEM ...] [--out benchmarks/tightness.json]

The flows are those of `truth/`, in extended doubles, with the tolerance 1e-10. `exponent` and `gap` say by
which factors the law's exponent and the lower bound of the gap of the worst block are below what is proved to
be possible: gap/(L N) and the upper bound of the gap; `coefficient` is the largest of all laws; `n_max` by
which factor the bound of N is above the largest value at a KKT point of the claim.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from truth.claims import Block, Claim, Witness  # noqa: E402
from truth.extended import exact  # noqa: E402
from truth.flows import Flow, Stuck  # noqa: E402
from truth.networks import Net  # noqa: E402
from truth.report import Report  # noqa: E402

import certflow  # noqa: E402

BUILTIN = (
    "figure1",
    "l3-k20-s0",
    "l3-k20-s1",
    "l3-k20-s2",
    "l3-k220-s0",
    "l3-k220-s1",
    "l3-k220-s2",
    "l7-k32",
)
LARGEST = 20
"""Tenths of a decade above delta_bar that are tried."""
_SHARPER = ("angle_at_horizon", "angle_at_radius", "law")


def bare(claim: Claim, delta: Fraction) -> Claim:
    """The claim for another delta, without the numbers that say more than epsilon, horizon, growth and
    radius.
    """
    blocks = [{**block, **dict.fromkeys(_SHARPER)} for block in claim["blocks"]]
    return {**claim, "delta_bar": str(delta), "blocks": blocks}


def holds(net: Net, claim: Claim, delta: Fraction) -> bool:
    """Whether the flow from delta meets it."""
    report = Report()
    stated = bare(claim, delta)
    blocks = [Block(net, entry, report) for entry in stated["blocks"]]
    try:
        Witness(net, stated, blocks, delta, net.start, report, partial(Flow, tolerance=1e-10)).follow()
    except Stuck:
        return False
    return not report.false and not report.open


def largest(net: Net, claim: Claim) -> int:
    """Tenths of a decade from delta_bar to the largest delta for which it holds, -1 if it does not at
    delta_bar.
    """
    bar, k = exact(claim["delta_bar"]), 0
    while k <= LARGEST and holds(net, claim, bar * Fraction(10 ** (k / 10))):  # ends: k rises
        k += 1
    return k - 1


def measured(name: str) -> dict[str, Any]:
    """The figures of a built-in problem."""
    begin = time.monotonic()
    content = json.loads(certflow.certify(certflow.Problem.builtin(name), "1/100").certificate)
    claim, took = content["claim"], time.monotonic() - begin
    blocks = [block for block in claim["blocks"] if block["law"] and block["gap"]]
    top = max(Fraction(block["value"][1]) for block in blocks)
    gaps = [tuple(map(Fraction, block["gap"])) for block in blocks]
    powers = [Fraction(block["law"]["exponent"][0]) for block in blocks]
    tenths = largest(Net(content["problem"]), claim)
    return {
        "problem": name,
        "delta_bar": float(Fraction(claim["delta_bar"])),
        "largest over delta_bar": round(10 ** (tenths / 10), 2),
        "gap": round(float(max(high / low for low, high in gaps)), 4),
        "exponent": round(
            float(
                max(
                    high / (claim["order"] * top) / power
                    for (_, high), power in zip(gaps, powers, strict=True)
                )
            ),
            4,
        ),
        "coefficient": float(max(Fraction(block["law"]["coefficient"]) for block in blocks)),
        "n_max": round(float(Fraction(claim["n_max_upper"]) / top), 4),
        "seconds": round(took, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("problems", nargs="*", default=BUILTIN, metavar="PROBLEM")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = []
    for name in options.problems:
        rows.append(measured(name))
        print(json.dumps(rows[-1]), flush=True)
        if options.out is not None:
            options.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    sys.exit(main())
