"""`python -m certflow.checker FILE...`: prints the problem, the claim and the assumptions of every accepted
certificate.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from dataclasses import asdict
from typing import Any

from . import EXIT_CODES, Verdict, check_file
from .registry import sentences
from .words import Say, about, described, few

_WORST_FIRST = (2, 1, 3, 0)


def _report(path: str, verdict: Verdict, options: argparse.Namespace) -> None:
    if verdict.verdict != "accepted":
        place = ", ".join(part for part in (verdict.rule, verdict.where) if part)
        _say(f"{path}: {verdict.verdict}" + (f" ({place})" if place else "") + f": {verdict.reason}")
        return
    _say(f"{path}: accepted")
    if verdict.compared is not None and not options.quiet:
        reason = f": {verdict.compared.reason}" if verdict.compared.reason else ""
        _say(f"Its claim is about the problem that is meant{reason}.")
    if not options.quiet and verdict.claim is not None and verdict.problem is not None:
        say = Say(options.exact)
        for title, lines in (
            ("Problem:", described(verdict.problem, say)),
            ("Claim:", sentences(verdict.claim, verdict.problem, say)),
            ("Assumptions:", list(verdict.assumptions)),
        ):
            _say(title)
            for line in few(lines, options.all):
                _say(f"  {line}")


def _record(path: str, verdict: Verdict, exact: bool, asked: bool) -> dict[str, Any]:
    """The verdict for programs; the problem as in a certificate only if it is asked for exactly, and how it
    compares only if that is `asked`.
    """
    found = {"file": path, **asdict(verdict)}
    problem, compared = found.pop("problem"), found.pop("compared")
    found["about"] = None if problem is None else about(problem) | ({"exact": problem} if exact else {})
    return found | {"problem": compared} if asked else found


def _say(line: str) -> None:
    """Print one line, in which nothing moves the cursor or begins another line. The exit code is the
    verdict's, even if nobody reads what is printed.
    """
    try:
        print(
            "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode("ascii") for c in line),
            flush=True,
        )
    except OSError as error:
        # The interpreter flushes stdout once more at exit and must find a descriptor that takes it.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        if not isinstance(error, BrokenPipeError):
            _complain(f"stdout cannot be written ({error.strerror}); the exit code is the verdict.")


def _complain(sentence: str) -> None:
    with contextlib.suppress(OSError):
        print(f"checker: {sentence}", file=sys.stderr)


def main(arguments: list[str] | None = None, meant: dict[str, Any] | None = None) -> int:
    """Check the files, also whether they are about the problem that is `meant`; returns the worst exit code
    in the order malformed 2, refused 1, time limit 3, accepted 0, or 130.
    """
    parser = argparse.ArgumentParser(
        prog="checker",
        description="Check certificates of early directional convergence, KKT points, basins and times.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--time-limit", type=float, metavar="SECONDS", help="at most this long for each file")
    parser.add_argument("--quiet", action="store_true", help="only the verdicts")
    parser.add_argument("--all", action="store_true", help="every line of long claims and problems")
    parser.add_argument("--exact", action="store_true", help="exact numbers in the place of decimals")
    try:
        return _check_all(parser.parse_args(arguments), meant)
    except KeyboardInterrupt:
        _complain("interrupted.")
        return 130


def _check_all(options: argparse.Namespace, meant: dict[str, Any] | None) -> int:
    results, codes = [], set()
    for path in options.files:
        verdict = check_file(path, options.time_limit, meant)
        codes.add(EXIT_CODES[verdict.verdict])
        results.append(_record(path, verdict, options.exact, meant is not None) if options.json else {})
        if not options.json:
            _report(path, verdict, options)
    if options.json:
        _say(json.dumps(results[0] if len(results) == 1 else {"files": results}, sort_keys=True))
    return next(code for code in _WORST_FIRST if code in codes)


if __name__ == "__main__":
    sys.exit(main())
