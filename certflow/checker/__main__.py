"""`python -m certflow.checker FILE...`: prints the claim and the assumptions of every accepted
certificate.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from dataclasses import asdict

from . import EXIT_CODES, Verdict, check_file
from .registry import sentences

_WORST_FIRST = (2, 1, 3, 0)


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


def main(arguments: list[str] | None = None) -> int:
    """Check the files; returns the worst exit code in the order malformed 2, refused 1, time limit 3,
    accepted 0, or 130.
    """
    parser = argparse.ArgumentParser(
        prog="checker",
        description="Check certificates of early directional convergence, KKT points, basins and times.",
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
