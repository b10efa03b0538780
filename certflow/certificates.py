"""Certificates: a claim and its evidence as one canonical JSON file of exact numbers, which the checker
proves again.

This is the container only: what is in it is for the theorems to say. The format is
`docs/certificate-format.md`. Writing loses nothing and rounds nothing; reading only says whether a file is a
whole certificate: whether it is *right* is for `certflow.checker` alone to say.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, NoReturn, Protocol

from certflow.atomic import file_name, write_atomically
from certflow.outcome import BadInput
from certflow.problem import Problem
from certflow.problem_file import read_text
from certflow.units import Units

FORMAT, VERSION = "certflow-certificate", 1

NOT_CHECKED = "NOT CHECKED: nothing is proved before the checker accepts the certificate"

MAX_INTEGER_DIGITS = 400
"""Integers in a certificate stand for grid points and are far shorter."""

_KEYS = {"format", "version", "problem", "problem_sha256", "assumptions", "claim", "sha256"}
_OWN = ({"grid", "groups"}, {"grid", "groups", "units"}, {"evidence"}, {"evidence", "units"})
"""What they have besides: evidence of any kind, or about groups of weights with curves on one grid; and units
of size.
"""


class Claim(Protocol):
    """What a theorem states, in exact numbers."""

    @property
    def statement(self) -> str:
        """The name of what is stated."""

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What it takes for granted, in sentences."""

    def to_json(self) -> dict[str, Any]:
        """The entry `claim` of a certificate: exact text, no floats."""


def sealed(problem: Problem, claim: Claim, evidence: dict[str, Any], units: Units | None) -> str:
    """The text of the certificate of a claim about `problem`: the same input gives the same bytes.

    `evidence` is what its kind of certificate has besides, in these `units` if it has any. Raises `BadInput`
    for a problem without exact text.
    """
    scaled = None if units is None else units.to_json()
    content = {
        "format": FORMAT,
        "version": VERSION,
        "problem": problem.exact_content(),
        "problem_sha256": problem.sha256,
        "assumptions": list(claim.assumptions),
        "claim": claim.to_json(),
        **evidence,
        **({} if scaled is None else {"units": scaled}),
    }
    return canonical_text({**content, "sha256": sha256(canonical_text(content))}) + "\n"


def write_certificate(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` atomically to `path`; `BadInput` if that is impossible, and an earlier file is
    untouched.
    """
    write_atomically(path, text)


def sha256(text: str) -> str:
    """The hash of a certificate's file, as `sha256sum` shows it."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def read_certificate(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The content of a certificate file, whole and unaltered, but not checked: nothing in it is proved by
    reading it (L5.7).

    Raises `BadInput` with one sentence for files that are too large, not JSON, with floats, duplicate keys or
    deep nesting, of another format or version, or whose hash does not match.
    """
    where = file_name(path)
    content = _parsed(read_text(path, where), where)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise BadInput(f"{where}: is not a certificate; `certflow certify` writes one.")
    if content.get("version") != VERSION:
        raise BadInput(
            f"{where}: has version {content.get('version')!r:.40}; this certflow reads version {VERSION}."
        )
    lists = [content.get(key) for key in ("groups", "evidence") if key in content]
    whole = any(set(content) == _KEYS | own for own in _OWN) and all(isinstance(each, list) for each in lists)
    if not whole or not isinstance(content["claim"], dict):
        raise BadInput(
            f"{where}: does not have the parts of a certificate; `certflow check` says what is wrong."
        )
    rest = {key: value for key, value in content.items() if key != "sha256"}
    if sha256(canonical_text(rest)) != content["sha256"]:
        raise BadInput(
            f"{where}: was changed after it was written, its hash does not match; get the original file."
        )
    return content


def hash_of(content: dict[str, Any]) -> str:
    """The hash of the file with this content, as `sha256sum` shows it."""
    return sha256(canonical_text(content) + "\n")


def problem_of(content: dict[str, Any], where: str) -> Problem:
    """The exact problem in the `content` that was read at `where`, with the angle epsilon of its claim, if
    any. Raises `BadInput` if there is none, or if the hash is that of another.
    """
    epsilon = content["claim"].get("epsilon")
    try:
        problem = Problem.from_exact_content(
            content["problem"], **({} if epsilon is None else {"epsilon": epsilon})
        )
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error
    if problem.sha256 != content["problem_sha256"]:
        raise BadInput(f"{where}: problem_sha256 is the hash of another problem than the one in the file.")
    return problem


def canonical_text(content: dict[str, Any]) -> str:
    """The one text of a certificate's content: keys sorted, no spaces."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


# -- JSON, strictly ------------------------------------------------------------------------------------------


def _parsed(text: str, where: str) -> Any:
    def refuse(number: str) -> NoReturn:
        raise BadInput(
            f"{where}: contains the number {number[:40]}; certificates hold whole numbers and exact text "
            f"only."
        )

    def integer(digits: str) -> int:
        if len(digits) > MAX_INTEGER_DIGITS:
            raise BadInput(
                f"{where}: contains a whole number of {len(digits)} digits; at most {MAX_INTEGER_DIGITS} are "
                f"read."
            )
        return int(digits)

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise BadInput(f"{where}: a key occurs twice in one object; certificates have each key once.")
        return found

    try:
        return json.loads(
            text, parse_float=refuse, parse_constant=refuse, parse_int=integer, object_pairs_hook=table
        )
    except RecursionError as error:
        raise BadInput(f"{where}: is nested too deeply for a certificate.") from error
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{where}: is not JSON (line {error.lineno}, column {error.colno}: {error.msg})."
        ) from error
