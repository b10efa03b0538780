"""Seeded mutations of a certificate, resealed with their hashes: what the checker must refuse unless it is
still true.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .extended import exact

Content = dict[str, Any]
Path = tuple[Any, ...]
FACTORS = (
    "1000001/1000000",
    "999999/1000000",
    "101/100",
    "99/100",
    "11/10",
    "9/10",
    "3/2",
    "2/3",
    "2",
    "1/2",
    "10",
    "1/10",
    "-1",
    "0",
)
MOST = ("claim number", "claim number", "evidence number", "problem number")
"""What is tried more often than the rest, because it is not told by the form alone."""
OUTCOMES = (
    "converges",
    "continuum",
    "shrinks",
    "dead",
    "zero",
    "stops",
    "vanishes",
    "followed",
    "branches",
    "inconclusive",
    "maximum",
    "minimum",
    "saddle",
    "arc",
    "complete",
    "partial",
)
ODD = (
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    "",
    "0",
    "1/0",
    "1e5",
    "nan",
    "1*2^99999999",
    [],
    {},
    [[]],
    "converges",
)


def sealed(content: Content) -> str:
    """The canonical text with all hashes made to fit."""
    content = copy.deepcopy(content)
    own = _sha256(content["problem"])
    content["problem_sha256"] = own
    if isinstance(content.get("claim"), dict) and "problem_sha256" in content["claim"]:
        content["claim"]["problem_sha256"] = own
    content.pop("sha256", None)
    return _canonical({**content, "sha256": _sha256(content)}) + "\n"


def mutant(content: Content, rng: random.Random) -> tuple[str, str]:
    """One mutation: its name and the text of the mutated certificate."""
    name = rng.choice((*MUTATIONS, *MOST, "duplicate key"))
    if name == "duplicate key":
        return name, _with_duplicate(content, rng)
    copied = copy.deepcopy(content)
    MUTATIONS[name](copied, rng)
    return name, sealed(copied)


def _canonical(content: Any) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _sha256(content: Any) -> str:
    return hashlib.sha256(_canonical(content).encode("ascii")).hexdigest()


# -- places --------------------------------------------------------------------------------------------------


def _leaves(node: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else None
    if items is None:
        return [(path, node)]
    return [leaf for key, value in items for leaf in _leaves(value, (*path, key))]


def _lists(node: Any, path: Path = ()) -> list[tuple[Path, list[Any]]]:
    found = [(path, node)] if isinstance(node, list) and node else []
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return found + [each for key, value in items for each in _lists(value, (*path, key))]


def _put(content: Any, path: Path, value: Any) -> None:
    for key in path[:-1]:
        content = content[key]
    content[path[-1]] = value


def _evidence(content: Content) -> Content:
    return {key: content[key] for key in ("groups", "evidence", "grid", "units") if key in content}


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or value is None or not isinstance(value, int | str):
        return False
    try:
        exact(value)
    except (ValueError, ZeroDivisionError):
        return False
    return True


def _pick(rng: random.Random, places: list[Any]) -> Any | None:
    """A place, at first by its depth-one neighbourhood, so that long lists do not hide short ones."""
    if not places:
        return None
    kinds: dict[Path, list[Any]] = {}
    for place in places:
        kinds.setdefault(tuple(key for key in place[0] if isinstance(key, str)), []).append(place)
    return rng.choice(kinds[rng.choice(sorted(kinds))])


# -- mutations -----------------------------------------------------------------------------------------------


def _number(root: Content, rng: random.Random) -> None:
    place = _pick(rng, [leaf for leaf in _leaves(root) if _is_number(leaf[1])])
    if place is None:
        return
    path, value = place
    if isinstance(value, int):
        _put(root, path, rng.choice((value + 1, value - 1, -value, 0, value + (value >> 10), 2 * value)))
        return
    changed = exact(value) * Fraction(rng.choice(FACTORS))
    if "*2^" in value:
        # A dyadic stays one: the factor is rounded to a multiple of its last place over 2^20.
        m, e = value.split("*2^")
        _put(root, path, _dyadic(round(changed / Fraction(2) ** (int(e) - 20)), int(e) - 20))
    else:
        _put(root, path, str(changed))


def _dyadic(m: int, e: int) -> str:
    while m and m % 2 == 0:
        m, e = m // 2, e + 1
    return f"{m}*2^{e if m else 0}"


def _claim_number(content: Content, rng: random.Random) -> None:
    _number(content["claim"], rng)


def _evidence_number(content: Content, rng: random.Random) -> None:
    _number(_evidence(content), rng)


def _problem_number(content: Content, rng: random.Random) -> None:
    _number(content["problem"], rng)


def _dropped(content: Content, rng: random.Random) -> None:
    place = _pick(rng, _lists(_evidence(content)) + _lists({"claim": content["claim"]}))
    if place is not None:
        del place[1][rng.randrange(len(place[1]))]


def _truncated(content: Content, rng: random.Random) -> None:
    place = _pick(
        rng, _lists(_evidence(content)) + _lists({"claim": content["claim"], "problem": content["problem"]})
    )
    if place is not None:
        del place[1][len(place[1]) // 2 :]


def _repeated(content: Content, rng: random.Random) -> None:
    place = _pick(rng, _lists(_evidence(content)) + _lists({"claim": content["claim"]}))
    if place is not None:
        place[1].insert(0, copy.deepcopy(rng.choice(place[1])))


def _swapped(content: Content, rng: random.Random) -> None:
    places = [each for each in _lists({**_evidence(content), "claim": content["claim"]}) if len(each[1]) > 1]
    place = _pick(rng, places)
    if place is not None:
        i, j = rng.sample(range(len(place[1])), 2)
        place[1][i], place[1][j] = place[1][j], place[1][i]


def _renamed(content: Content, rng: random.Random) -> None:
    """Another outcome, kind or status in the claim, and perhaps also in the evidence."""
    fields = ("outcome", "kind", "kkt_status", "proof", "of", "method")
    for root in (content["claim"], _evidence(content))[: rng.choice((1, 1, 2))]:
        place = _pick(rng, [leaf for leaf in _leaves(root) if leaf[0] and leaf[0][-1] in fields])
        if place is not None:
            _put(root, place[0], rng.choice(OUTCOMES))


def _nothing(content: Content, rng: random.Random) -> None:
    """A bound of the claim becomes null: what it limited would hold for ever, or is no longer limited."""
    paths = [leaf for leaf in _leaves(content["claim"]) if leaf[1] is not None]
    place = _pick(rng, paths)
    if place is not None:
        _put(content["claim"], place[0], None)


def _network(content: Content, rng: random.Random) -> None:
    problem = content["problem"]
    change = rng.randrange(4)
    if change < 2 and problem["network"]["kind"] == "expression":
        swaps = ("+", "-"), ("-", "+"), ("x1", "x2"), ("**2", "**3"), ("max", "min"), ("2", "3")
        problem["network"]["output"] = problem["network"]["output"].replace(*rng.choice(swaps), 1)
    elif change == 0:
        problem["network"]["activation"]["alpha"] = rng.choice(("0", "1", "-1", "1/2"))
    elif change == 1:
        problem["network"]["activation"]["power"] = rng.choice((1, 2, 3))
    elif change == 2:
        problem["loss"]["reduction"] = "sum" if problem["loss"]["reduction"] == "mean" else "mean"
        if "loss" in content["claim"]:
            content["claim"]["loss"] = problem["loss"]
    else:
        problem["data"]["y"][rng.randrange(len(problem["data"]["y"]))] = rng.choice(("1", "-1", "0", "7/3"))


def _odd(content: Content, rng: random.Random) -> None:
    place = _pick(rng, [leaf for leaf in _leaves(content) if leaf[0][0] not in ("sha256", "problem_sha256")])
    if place is not None:
        _put(content, place[0], rng.choice(ODD))


def _missing(content: Content, rng: random.Random) -> None:
    path, _ = rng.choice([leaf for leaf in _leaves(content) if leaf[0][0] not in ("problem", "sha256")])
    node: Any = content
    for key in path[:-1]:
        node = node[key]
    del node[path[-1]]


def _with_duplicate(content: Content, rng: random.Random) -> str:
    text = sealed(content)
    key = rng.choice(('"claim":', '"problem":', '"delta_bar":', '"loss":', '"version":'))
    place = text.find(key)
    if place < 0:
        key, place = '"version":', text.find('"version":')
    return text[:place] + key + rng.choice(("1,", "{},", '"1",')) + text[place:]


MUTATIONS: dict[str, Callable[[Content, random.Random], None]] = {
    "claim number": _claim_number,
    "evidence number": _evidence_number,
    "problem number": _problem_number,
    "network or loss": _network,
    "dropped": _dropped,
    "truncated": _truncated,
    "repeated": _repeated,
    "swapped": _swapped,
    "renamed": _renamed,
    "claimed null": _nothing,
    "odd value": _odd,
    "missing key": _missing,
}
