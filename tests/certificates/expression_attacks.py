"""Certificates of expressions that must not be accepted: an accepted one, altered in one place and sealed
again with correct hashes.
"""

from collections.abc import Callable
from typing import Any

Content = dict[str, Any]
Attack = Callable[[Content], None]

KINK = "min(u1*x1 + u2*x2, 0)**2*x1**2"
REST = " + max(v1*x1 + v2*x2, 0)**2 - 1/2*(v1*x1 + v2*x2)**2"
"""The two parts of the accepted output."""


def _network(**changes: Any) -> Attack:
    return lambda content: content["problem"]["network"].update(changes)


def _first(text: str) -> Attack:
    """Another first part."""
    return _network(output=text + REST)


def _outcome(name: str, windows: bool = True, trap: bool = True, ending: Any = None) -> Attack:
    """The first block is said to have another outcome."""

    def attack(content: Content) -> None:
        group, block = content["groups"][0], content["claim"]["blocks"][0]
        group["outcome"] = block["outcome"] = name
        if not windows:
            group["windows"] = []
        if not trap:
            group["trap"] = None
            block.update(dict.fromkeys(("kkt_point", "support", "value", "gap", "law", "angle_at_radius")))
        if ending is not None:
            group["ending"] = ending
        if name == "fades":
            block["direction"] = ending["direction"]

    return attack


def _lifts(change: Callable[[list[Any]], object]) -> Attack:
    """Other lifts of the first block."""
    return lambda content: change(content["groups"][0]["ending"]["lifts"])


def _converges(content: Content) -> None:
    """As if there were one KKT point, with a gap in all directions."""
    _outcome("converges")(content)
    del content["groups"][0]["ending"]
    del content["claim"]["blocks"][0]["law"]["of"]


LIFTS = {"lifts": [{"rotations": 1, "sigma": "1*2^0"}]}

ATTACKS: dict[str, dict[str, Attack]] = {
    "expression-neurons": {
        "branches-swapped": _first(KINK.replace("min", "max")),
        "branch-of-both-sides": _first(KINK.replace("min(", "(").replace(", 0", "")),
        "branches-swapped-in-a-difference": _network(output=KINK + REST.replace("max", "min")),
        "another-sign": _first("-" + KINK),
        "another-number": _network(output=(KINK + REST).replace("1/2", "4/7")),
        "another-power-of-an-input": _first(KINK.replace("x1**2", "x1**3")),
        "weights-swapped": _network(weights=["u2", "u1", "v1", "v2"]),
        "weights-of-the-parts-swapped": _network(weights=["v1", "v2", "u1", "u2"]),
        "inputs-swapped": _network(inputs=["x2", "x1"]),
        "another-degree": _first(KINK.replace("0)**2", "0)**3")),
        "a-term-without-weights": _first(KINK + " + x1"),
        "order-1": _network(output="u1*x1 + u2*x2 + v1 - v2"),
        "no-weights": _network(output="x1*x2 + 1"),
        "order-65": _first("u1**65"),
        "powers-of-powers": _first("((u1**8)**8)**8"),
        "huge-exponent": _first("u1**99999"),
        "power-0": _first("(u1 + u2)**0*u1**2"),
        "kink-of-power-1": _first("u1*min(u1*x1 + u2*x2, 0)*x1**2"),
        "kink-at-the-end": _network(output="abs(u1*v1)"),
        "kink-to-the-1": _first("abs(u1)**1*u1"),
        "kinks-multiplied": _first("min(u1*x1 + u2*x2, 0)*min(u1*x1 + u2*x2, 0)*x1**2"),
        "kink-in-a-sum": _first("(u1 + abs(u2))**2"),
        "kink-in-a-kink": _first("max(abs(u1), 0)**2"),
        "maximum-of-two-with-weights": _first("max(u1*x1, u2*x2)**2"),
        "maximum-with-an-input": _first("max(u1, x1)**2"),
        "maximum-with-what-is-zero-only-sometimes": _first("max(u1, max(x1, 0))**2"),
        "division-by-a-weight": _first("u1**3/u2"),
        "division-by-weights-that-cancel": _first("u1**2*(u2/u2)"),
        "division-by-zero": _first("u1**2/(x1 - x1)"),
        "long-number": _first(f"{'9' * 3900}*{'9' * 3900}*{'9' * 3900}*{'9' * 3900}*u1**2"),
        "long-power-of-a-number": _first("(1/3)**99999*u1**2"),
        "long-power-of-an-input": _first("x1**20000*u1**2"),
        "dead": _outcome("dead", trap=False),
        "exact-start": _outcome("exact-start", windows=False),
        "fades": _outcome("fades", trap=False, ending={"direction": ["1", "0"]}),
        "continuum": _outcome("continuum", ending=LIFTS),
        "shrinks": _outcome("shrinks"),
    },
    "expression-cubic": {
        "branches-swapped": _network(output="v1*min(u1*x1 + u2*x2 + u3*x3, 0)**2 + v1**3"),
        "kink-left-out": _network(output="v1*(u1*x1 + u2*x2 + u3*x3)**2 + v1**3"),
        "absolute-value-of-a-cube": _network(output="v1*max(u1*x1 + u2*x2 + u3*x3, 0)**2 + min(v1, 0)**3"),
        "weights-swapped": _network(weights=["v1", "u1", "u2", "u3"]),
        "labels-in-other-units": lambda content: content["units"].update(labels=0),
    },
    "continuum-expression": {
        "a-lift-left-out": _lifts(lambda lifts: lifts.pop()),
        "another-sense": _lifts(lambda lifts: lifts[1]["turning"][0].__setitem__(2, "-1")),
        "another-angle": _lifts(lambda lifts: lifts[1]["turning"][0].__setitem__(2, "2")),
        "another-weight": _lifts(lambda lifts: lifts[1]["turning"][3].__setitem__(1, 8)),
        "one-entry-less": _lifts(lambda lifts: lifts[0]["turning"].pop()),
        "no-lift-is-used": _lifts(lambda lifts: [lift.update(sigma="0*2^0") for lift in lifts]),
        "a-heavy-lift": _lifts(lambda lifts: lifts[0].update(sigma="1*2^60")),
        "a-negative-lift": _lifts(lambda lifts: lifts[0].update(sigma="-1*2^0")),
        "not-in-order": _lifts(lambda lifts: lifts[0]["turning"].reverse()),
        "converges": _converges,
        "another-factor": _network(output="c0*(p00*q00 + p01*q10)*x0"),
        "a-kink": lambda content: content["problem"]["network"].update(
            output=f"{content['problem']['network']['output']} + (x0 - x0)*max(c0, 0)**3"
        ),
        "gap-in-all-directions": lambda content: content["claim"]["blocks"][0]["gap"].__setitem__(1, "10"),
        "law-of-a-point": lambda content: content["claim"]["blocks"][0]["law"].update(of="point"),
        "smaller-angle": lambda content: content["claim"]["blocks"][0].update(angle_at_radius="1/1000"),
    },
}
"""Name of an accepted certificate -> attack -> what it changes; all are refused."""

OTHER_LIFTS: dict[str, Attack] = {
    "of-a-neuron": _lifts(lambda lifts: lifts[0].update(commuting=lifts[0].pop("turning"))),
    "of-a-layer": _lifts(lambda lifts: lifts.__setitem__(0, {"rotations": 1, "sigma": "1*2^0"})),
    "none": _lifts(lambda lifts: lifts.clear()),
    "of-no-weight": _lifts(lambda lifts: lifts[0]["turning"][3].__setitem__(1, 10)),
    "below-the-diagonal": _lifts(lambda lifts: lifts[0]["turning"].__setitem__(0, [1, 0, "1"])),
}
"""Attacks on `continuum-expression` that are malformed."""

FORMS: dict[str, Attack] = {
    "a-term-that-joins-the-parts": _network(output=f"{KINK}{REST} + u1*v1*(x1 - x1)"),
    "a-part-is-split": _network(output=(KINK + REST).replace("(u1*x1 + u2*x2, 0)", "(u1, 0)") + " + u2**2"),
    "weight-listed-twice": _network(weights=["u1", "u1", "v1", "v2"]),
    "weight-is-an-input": _network(weights=["u1", "u2", "x1", "v2"]),
    "weight-is-a-function": _network(weights=["u1", "u2", "v1", "abs"]),
    "weight-is-no-name": _network(weights=["u1", "u2", "v1", "2v"]),
    "long-name": _network(weights=["u1", "u2", "v1", "v" * 65]),
    "one-weight-less": _network(weights=["u1", "u2", "v1"]),
    "one-more-weight": _network(weights=["u1", "u2", "v1", "v2", "v3"]),
    "no-inputs": _network(inputs=[]),
    "inputs-are-a-number": _network(inputs=2),
    "with-an-activation": _network(activation={"alpha": "0", "power": 2}),
    "output-is-a-number": _network(output=1),
    "empty": _network(output=""),
    "unknown-name": _first("u9**2"),
    "unknown-function": _first("exp(u1)*u1**2"),
    "a-root": _first("sqrt(u1**4)"),
    "name-is-called": _first("u1(u2)"),
    "too-many-arguments": _first("max(u1, 0, 0)**2"),
    "too-few-arguments": _first("max(u1)**2"),
    "no-arguments": _first("max()**2"),
    "decimals": _first("0.5*u1**2"),
    "leading-zero": _first("007*u1**2"),
    "exponent-is-negative": _first("u1**-2"),
    "exponent-is-a-fraction": _first("u1**(1/2)"),
    "exponent-is-a-weight": _first("u1**u2"),
    "exponent-of-an-exponent": _first("u1**2**3"),
    "caret": _first("u1^2"),
    "two-signs": _first("u1**2 + -u2**2"),
    "missing-operator": _first("u1 u2"),
    "missing-parenthesis": _first("(u1*u2"),
    "parenthesis-too-many": _network(output=f"{KINK}{REST})"),
    "tabulator": _first("u1\t*u2"),
    "line-break": _first("u1\n*u2"),
    "not-ascii": _first("u1*u2*\u0661"),
    "deep-nesting": _first("(" * 5_000 + "u1*u2" + ")" * 5_000),
    "nested-once-too-often": _first("(" * 61 + "u1*u2" + ")" * 61),
    "long-text": _first("u1*u2 + " * 3_000 + "u1*u2"),
    "code": _first("__import__('os').getpid()"),
    "units-of-the-inputs": lambda content: content.update(units={"inputs": 1, "labels": 0, "given": {}}),
    "units-of-layers": lambda content: content.update(units={"inputs": 0, "labels": 0, "given": {"1": 1}}),
}
"""Attacks on `expression-neurons` that leave no certificate: they are malformed."""
