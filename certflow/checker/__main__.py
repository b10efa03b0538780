"""`python -m certflow.checker FILE...`: prints the claim and the assumptions of every accepted certificate."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from typing import Any

from . import EXIT_CODES, Verdict, check_file
from .kkt import STATEMENT

_WORST_FIRST = (2, 1, 3, 0)


def sentences(claim: dict[str, Any]) -> list[str]:
    """The claim in words."""
    return _kkt_sentences(claim) if claim["statement"] == STATEMENT else _early_sentences(claim)


def _kkt_sentences(claim: dict[str, Any]) -> list[str]:
    function = "n(u) = sum_i z_i sigma(u.x_i) of one neuron" if claim["of"] == "neuron" else "N of all weights"
    points = claim["points"]
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(point["kind"] for point in points).items())) or "none"
    if claim["kkt_status"] == "complete":
        lines = [f"The KKT points of {function} on the unit sphere are exactly these ({counts})."]
    else:
        lines = [f"These are KKT points of {function} on the unit sphere ({counts}); there may be others."]
    for point in points:
        if "centre" in point:
            place = "along (" + ", ".join(point["centre"]) + f"), up to {point['radius']} per coordinate"
        else:
            ends = ["(" + ", ".join(direction) + ")" for direction in point["directions"]]
            word = {0: "the whole circle", 1: "along ", 2: "from " if point["kind"] == "arc" else "between "}[len(ends)]
            place = word + (" to " if point["kind"] == "arc" else " and ").join(ends)
        lines.append(f"{point['kind']} {place}: value in [{', '.join(point['value'])}], gap in [{', '.join(point['gap'])}]")
    if claim["n_max_upper"] is not None:
        lines.append(f"On the unit sphere it is at most {claim['n_max_upper']}.")
    return lines


def _early_sentences(claim: dict[str, Any]) -> list[str]:
    L = claim["order"]
    time, norm = claim["horizon"]["scaled_time"], claim["horizon"]["norm_over_delta"]
    scaled = f"|w| = {norm} delta" if time is None else f"t = {time}" if L == 2 else f"t = {time} / delta^{L - 2}"
    lines = [
        f"For every delta in (0, {claim['delta_bar']}] and every initial direction within {claim['start_angle']} rad of the "
        f"given one, |w|^2 <= {claim['growth']['factor_squared']} delta^2 up to the horizon {scaled} (order {L}).",
    ]
    until = f"until |w| = {claim['radius']}" if claim["radius"] is not None else "for ever"
    for block in claim["blocks"]:
        name = f"Block {block['index'] + 1}"
        if block["outcome"] == "inconclusive":
            lines.append(f"{name}: nothing is claimed. {block['reason']}")
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


def _report(path: str, verdict: Verdict, quiet: bool) -> None:
    path = path.encode("ascii", "backslashreplace").decode("ascii")
    if verdict.verdict != "accepted":
        place = ", ".join(part for part in (verdict.rule, verdict.where) if part)
        print(f"{path}: {verdict.verdict}" + (f" ({place})" if place else "") + f": {verdict.reason}")
        return
    print(f"{path}: accepted")
    if not quiet and verdict.claim is not None:
        print("Claim:", *sentences(verdict.claim), sep="\n  ")
        print("Assumptions:", *verdict.assumptions, sep="\n  ")


def main(arguments: list[str] | None = None) -> int:
    """Check the files; returns the worst exit code in the order malformed 2, refused 1, time limit 3, accepted 0."""
    parser = argparse.ArgumentParser(
        prog="checker", description="Check certificates of early directional convergence and of KKT points."
    )
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--time-limit", type=float, metavar="SECONDS", help="at most this long for each file")
    parser.add_argument("--quiet", action="store_true", help="only the verdicts")
    options = parser.parse_args(arguments)
    results, codes = [], set()
    for path in options.files:
        verdict = check_file(path, options.time_limit)
        codes.add(EXIT_CODES[verdict.verdict])
        results.append({"file": path, **asdict(verdict)})
        if not options.json:
            _report(path, verdict, options.quiet)
    if options.json:
        json.dump(results[0] if len(results) == 1 else {"files": results}, sys.stdout, sort_keys=True)
        print()
    return next(code for code in _WORST_FIRST if code in codes)


if __name__ == "__main__":
    sys.exit(main())
