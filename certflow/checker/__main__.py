"""`python -m certflow.checker FILE...`: prints the claim and the assumptions of every accepted certificate."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
from collections import Counter
from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

from . import EXIT_CODES, Verdict, check_file
from .early_direction import basin
from .kernel.reading import Node
from .kkt_points import rules as kkt
from .time_near_origin import rules as time_near_origin

_WORST_FIRST = (2, 1, 3, 0)


def sentences(claim: dict[str, Any]) -> list[str]:
    """The claim in words. Of a claim that was not checked: an exception, also `Refused`, where it cannot be read."""
    return _WORDS.get(claim["statement"], _early_sentences)(claim)


def _kkt_sentences(claim: dict[str, Any]) -> list[str]:
    function = "n(u) = sum_i z_i sigma(u.x_i) of one neuron" if claim["of"] == "neuron" else "N of all weights"
    counts = Counter(point["kind"] for point in claim["points"])
    listed = ", ".join(f"{kind}: {count}" for kind, count in sorted(counts.items())) or "none"
    if claim["kkt_status"] == "complete":
        dead = " and all u with u.x_i <= 0 for every sample with z_i != 0" if claim["dead_cone"] else ""
        lines = [f"The KKT points of {function} on the unit sphere are exactly these ({listed}){dead}."]
    else:
        lines = [f"These are KKT points of {function} on the unit sphere ({listed}); there may be others."]
    lines.append("Numbers are shown rounded; the exact enclosures are in the file.")
    for k, point in enumerate(claim["points"], 1):
        value, gap = (_decimal(*point[key]) for key in ("value", "gap"))
        lines.append(f"{k}. {point['kind']} {_place(point)}: value {value}, gap {gap}")
    if claim["n_max_upper"] is not None:
        lines.append(f"Everywhere on the unit sphere it is at most {_decimal(claim['n_max_upper'], claim['n_max_upper'])}.")
    return lines


def _place(point: dict[str, Any]) -> str:
    if "centre" in point:
        return "at " + _unit([Node(text, "claim").dyadic() for text in point["centre"]])
    ends = [_unit([Node(text, "claim").rational() for text in direction]) for direction in point["directions"]]
    if point["kind"] == "arc":
        return "counterclockwise from " + " to ".join(ends) if ends else "of the whole circle"
    return "at " + ends[0]


def _unit(vector: list[Fraction]) -> str:
    shown = [float(v / max(map(abs, vector))) for v in vector]
    return "(" + ", ".join(f"{v / math.hypot(*shown):.6f}" for v in shown) + ")"


def _decimal(low: str, high: str) -> str:
    """About the middle of two rational numbers of any size."""
    middle = (Node(low, "claim").rational() + Node(high, "claim").rational()) / 2
    return f"{Decimal(middle.numerator) / Decimal(middle.denominator):.9g}"


def _early_sentences(claim: dict[str, Any]) -> list[str]:
    L = claim["order"]
    time, norm = claim["horizon"]["scaled_time"], claim["horizon"]["norm_over_delta"]
    scaled = f"|w| = {norm} delta" if time is None else f"t = {time}" if L == 2 else f"t = {time} / delta^{L - 2}"
    lines = [
        f"For every delta in (0, {claim['delta_bar']}] and every initial direction within {claim['start_angle']} rad of the "
        f"given one, |w|^2 <= {claim['growth']['factor_squared']} delta^2 up to the horizon {scaled} (order {L}).",
    ]
    until = f"until |w| first exceeds {claim['radius']}" if claim["radius"] is not None else "for ever"
    for block in claim["blocks"]:
        name = f"Block {block['index'] + 1}"
        if block["outcome"] == "inconclusive":
            lines.append(f"{name}: nothing is claimed: {block['reason']}")
        elif block["outcome"] == "zero":
            lines.append(f"{name}: its weights are zero at the start and for ever.")
        elif block["outcome"] == "dead":
            lines.append(f"{name}: from the horizon on every sample is inactive and its weights never move again.")
        else:
            sign = "positive" if block["outcome"] == "converges" else "negative"
            angle = claim["epsilon"] if block["angle_at_horizon"] is None else block["angle_at_horizon"]
            lines.append(
                f"{name}: its direction is within {angle} of a KKT point at the horizon and within {claim['epsilon']} from "
                f"then on {until}; the NCF is {sign} there."
            )
    return lines


_WORDS = {
    kkt.STATEMENT: _kkt_sentences,
    basin.STATEMENT: basin.basin_sentences,
    time_near_origin.STATEMENT: time_near_origin.time_sentences,
}


def _report(path: str, verdict: Verdict, quiet: bool) -> None:
    if verdict.verdict != "accepted":
        place = ", ".join(part for part in (verdict.rule, verdict.where) if part)
        _say(f"{path}: {verdict.verdict}" + (f" ({place})" if place else "") + f": {verdict.reason}")
        return
    _say(f"{path}: accepted")
    if not quiet and verdict.claim is not None:
        for title, lines in (("Claim:", sentences(verdict.claim)), ("Assumptions:", verdict.assumptions)):
            _say(title)
            for line in lines:
                _say(f"  {line}")


def _say(line: str) -> None:
    """Print one line, in which nothing moves the cursor or begins another line. The exit code is the verdict's, even if
    nobody reads what is printed."""
    try:
        print("".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode("ascii") for c in line), flush=True)
    except OSError as error:
        # The interpreter flushes stdout once more at exit and must find a descriptor that takes it.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        if not isinstance(error, BrokenPipeError):
            _complain(f"stdout cannot be written ({error.strerror}); the exit code is the verdict.")


def _complain(sentence: str) -> None:
    with contextlib.suppress(OSError):
        print(f"checker: {sentence}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    """Check the files; returns the worst exit code in the order malformed 2, refused 1, time limit 3, accepted 0, or 130."""
    parser = argparse.ArgumentParser(
        prog="checker", description="Check certificates of early directional convergence, KKT points, basins and times."
    )
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--time-limit", type=float, metavar="SECONDS", help="at most this long for each file")
    parser.add_argument("--quiet", action="store_true", help="only the verdicts")
    try:
        return _check_all(parser.parse_args(arguments))
    except KeyboardInterrupt:
        _complain("interrupted.")
        return 130


def _check_all(options: argparse.Namespace) -> int:
    results, codes = [], set()
    for path in options.files:
        verdict = check_file(path, options.time_limit)
        codes.add(EXIT_CODES[verdict.verdict])
        results.append({"file": path, **asdict(verdict)})
        if not options.json:
            _report(path, verdict, options.quiet)
    if options.json:
        _say(json.dumps(results[0] if len(results) == 1 else {"files": results}, sort_keys=True))
    return next(code for code in _WORST_FIRST if code in codes)


if __name__ == "__main__":
    sys.exit(main())
