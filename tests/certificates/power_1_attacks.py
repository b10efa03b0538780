"""Certificates of networks of power 1 that must be refused: an accepted one, altered in one place and sealed
again with correct hashes.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from attacks import dyadic, value_of

Content = dict[str, Any]
Attack = Callable[[Content], None]


def _evidence(content: Content) -> Any:
    return content["evidence"][0]


def _neuron(content: Content, j: int) -> Any:
    return _evidence(content)["neurons"][j]


def _outcome(j: int, outcome: str, **entries: Any) -> Attack:
    """Another outcome for a neuron, with nothing claimed of it but `entries`."""

    def attack(content: Content) -> None:
        none = dict.fromkeys(
            ["kkt_point", "support", "value", "gap", "horizon", "angle_at_horizon", "angle_at_radius", "law"]
        )
        content["claim"]["blocks"][j] |= {"outcome": outcome, **none, **entries}
        _neuron(content, j).update(outcome=outcome, cone=None, branch=None)

    return attack


def _pieces(j: int, pieces: list[tuple[list[int], list[int]]], outcome: str | None = None) -> Attack:
    """Other pieces for a neuron, (slides, on) each."""

    def attack(content: Content) -> None:
        if outcome is not None:
            _outcome(j, outcome)(content)
        _neuron(content, j)["pieces"] = [{"slides": slides, "on": on} for slides, on in pieces]

    return attack


def _dropped(j: int, k: int) -> Attack:
    return lambda content: _neuron(content, j)["pieces"].pop(k)


def _weights(changes: dict[int, str]) -> Attack:
    def attack(content: Content) -> None:
        for index, value in changes.items():
            content["problem"]["direction"][index] = value

    return attack


def _sample(i: int, x: list[str]) -> Attack:
    return lambda content: content["problem"]["data"]["X"].__setitem__(i, x)


def _label(i: int, factor: Fraction) -> Attack:
    """The label times a factor: what a residual would be when the outputs are not 0 any more."""

    def attack(content: Content) -> None:
        y = content["problem"]["data"]["y"]
        y[i] = str(Fraction(y[i]) * factor)

    return attack


def _masses(factor: Fraction) -> Attack:
    """The table of masses times a factor."""

    def attack(content: Content) -> None:
        table = _evidence(content)
        table["masses"] = [str(Fraction(value) * factor) for value in table["masses"]]

    return attack


def _mass(k: int, value: Callable[[list[Fraction]], Fraction]) -> Attack:
    def attack(content: Content) -> None:
        masses = _evidence(content)["masses"]
        masses[k] = str(value(list(map(Fraction, masses))))

    return attack


def _number(key: str, factor: Fraction) -> Attack:
    def attack(content: Content) -> None:
        _evidence(content)[key] = str(Fraction(_evidence(content)[key]) * factor)

    return attack


def _cone(j: int, value: str) -> Attack:
    return lambda content: _neuron(content, j).update(cone=value)


def _branch(j: int, *ways: Any) -> Attack:
    """Two velocities, as (slides, on) each."""
    return lambda content: _neuron(content, j).update(
        branch=[{"slides": slides, "on": on} for slides, on in ways]
    )


def _same_branch(content: Content) -> None:
    branch = _neuron(content, 0)["branch"]
    branch[1] = branch[0]


def _claimed(path: str, factor: Fraction) -> Attack:
    """A number of the claim times a factor; the path has keys and numbers of list entries."""

    def attack(content: Content) -> None:
        *keys, last = (int(key) if key.isdigit() else key for key in path.split("."))
        place: Any = content["claim"]
        for key in keys:
            place = place[key]
        place[last] = str(Fraction(place[last]) * factor)

    return attack


def _put(path: str, value: Any) -> Attack:
    """Another value of the claim."""

    def attack(content: Content) -> None:
        *keys, last = (int(key) if key.isdigit() else key for key in path.split("."))
        place: Any = content["claim"]
        for key in keys:
            place = place[key]
        place[last] = value

    return attack


def _turned(j: int) -> Attack:
    """The centre of a block turned by a thousandth."""

    def attack(content: Content) -> None:
        centre = content["claim"]["blocks"][j]["kkt_point"]["centre"]
        centre[0] = dyadic(value_of(centre[0]) + Fraction(1, 1024))

    return attack


LESS, MORE = Fraction(99, 100), Fraction(101, 100)
TINY = Fraction(1, 10**30)


def _stronger(blocks: dict[int, str]) -> dict[str, Attack]:
    """Every number of a claim one per cent stronger; of blocks the named entries."""
    found = {
        "delta-bar": _claimed("delta_bar", 3 * MORE),
        "growth": _claimed("growth.factor_squared", LESS),
        "horizon": _claimed("horizon.scaled_time", LESS),
        "later-horizon": _claimed("horizon.scaled_time", MORE),
        "start-from-below": _claimed("time_to_radius.start_radius_over_delta.0", MORE),
        "start-from-above": _claimed("time_to_radius.start_radius_over_delta.1", LESS),
        "slowest": _claimed("time_to_radius.n_lower", MORE),
        "fastest": _claimed("time_to_radius.n_upper", LESS),
        "start-time": _claimed("time_to_radius.start_time.0", MORE),
        "n-max": _claimed("n_max_upper", LESS),
        "epsilon": _put("epsilon", str(TINY)),
        "radius": _claimed("radius", Fraction(50)),
        "no-radius": _put("radius", None),
    }
    entries = {
        "radius": ("kkt_point.radius", Fraction(0)),
        "value-below": ("value.0", MORE),
        "value-above": ("value.1", LESS),
        "negative-value-below": ("value.0", LESS),
        "negative-value-above": ("value.1", MORE),
        "gap-below": ("gap.0", MORE),
        "gap-above": ("gap.1", LESS),
        "angle": ("angle_at_horizon", LESS),
        "late-angle": ("angle_at_radius", LESS),
        "exponent": ("law.exponent.1", MORE),
        "coefficient": ("law.coefficient", LESS),
        "floor": ("law.floor", LESS),
        "block-horizon": ("horizon", MORE),
    }
    for j, names in blocks.items():
        for name in names.split():
            key, factor = entries[name]
            found[f"block-{j}-{name}"] = _claimed(f"blocks.{j}.{key}", factor)
    return found


POINT = {
    "centre": ["1*2^0", "0*2^0", "1*2^0"],
    "radius": "1/10",
}
GONE = {"kkt_point": POINT, "value": ["0", "0"], "angle_at_horizon": "0", "angle_at_radius": "0"}

ATTACKS: dict[str, dict[str, Attack]] = {
    "power-1-three-points": {
        "an-event-that-is-not-the-first": _dropped(1, 1),
        "a-kink-that-is-not-met": _pieces(1, [([], []), ([], [0]), ([], [1])]),
        "a-convex-kink-slid-on": _pieces(1, [([], []), ([1], []), ([], [0])]),
        "a-kink-left-to-the-wrong-side": _pieces(1, [([], []), ([], []), ([], [0])]),
        "a-kink-held-that-is-crossed": _pieces(3, [([], []), ([0], []), ([], [])]),
        "a-piece-after-the-ray": _pieces(4, [([], []), ([], [])]),
        "the-last-piece-left-out": _dropped(1, 2),
        "no-pieces": _pieces(1, []),
        "a-stop-that-is-no-stop": _outcome(1, "stops"),
        "a-stop-before-its-kink": _dropped(3, 2),
        "a-stop-that-vanishes": _pieces(0, [], "vanishes"),
        "a-stop-that-shrinks": _outcome(0, "shrinks"),
        "dead-though-active": _pieces(1, [], "dead"),
        "dead-on-the-boundary": _weights({30: "-4/5", 31: "-3/5"}),
        "zero-though-dead": _outcome(15, "zero"),
        "masses-lowered": _masses(LESS),
        "first-mass-lowered": _mass(0, lambda masses: masses[0] * LESS),
        "masses-that-fall": _mass(5, lambda masses: masses[4] - TINY),
        "first-mass-of-the-start": _mass(0, lambda masses: Fraction(24)),
        "shorter-steps": _number("step", LESS),
        "inputs-bounded-too-low": _number("norm_squared", LESS),
        "no-step": _number("step", Fraction(0)),
        "residuals-for-labels": _label(0, LESS),
        "cone-too-narrow": _cone(1, "1/1000000"),
        "cone-too-wide": _cone(1, "3/4"),
        "cone-around-a-dead-neuron": _cone(15, "1/100"),
        "turned-centre": _turned(1),
        "opposite-centre": _put("blocks.1.kkt_point.centre.2", "-1*2^0"),
        "other-support": _put("blocks.1.support", [0]),
        "other-weights": _put("blocks.1.weights", [[4, 2], [49, 1]]),
        "other-order": _put("order", 3),
        "norm-over-delta": _put("horizon.norm_over_delta", "2"),
        "point-of-a-dead-neuron": _put("blocks.15.value", ["0", "0"]),
        "gap-of-a-stop": _put("blocks.0.gap", ["0", None]),
        "law-of-a-stop": _put("blocks.0.law", {"exponent": ["0", "0"], "coefficient": "1", "floor": "1"}),
        "start-angle": _put("start_angle", "1/1000"),
        **_stronger(
            {
                1: "radius value-below value-above gap-below gap-above angle late-angle exponent floor "
                "block-horizon",
                0: "radius angle late-angle",
            }
        ),
    },
    "power-1-figure2": {
        "shrinks-though-not-balanced": _weights({4: str(Fraction(3, 5) + TINY)}),
        "c-rounded": _weights({10: str(-Fraction(3, 5) + TINY)}),
        "converges-though-it-shrinks": _outcome(4, "converges"),
        "shrinks-though-it-grows": _outcome(3, "shrinks"),
        "vanishes-though-it-grows": _pieces(3, [], "vanishes"),
        "vanishes-with-pieces": _pieces(1, [([], [])]),
        "no-change-of-sign": _dropped(2, 1),
        "a-kink-where-v-changes-its-sign": _pieces(2, [([], []), ([0], [])]),
        "zero-though-it-vanishes": _pieces(0, [], "zero"),
        "dead-though-it-vanishes": _pieces(0, [], "dead"),
        "stops-though-it-vanishes": _pieces(0, [], "stops"),
        "branches-though-it-vanishes": lambda content: (
            _outcome(1, "branches")(content),
            _branch(1, ([], []), ([], [0]))(content),
        )[0],
        "other-output-sign": _put("blocks.0.kkt_point.centre.1", "1*2^0"),
        "law-next-to-a-shrinking-neuron": _put(
            "blocks.5.law", {"exponent": ["0", "3"], "coefficient": "1", "floor": "0"}
        ),
        **_stronger({2: "angle radius", 4: "negative-value-below negative-value-above", 5: "late-angle"}),
    },
    "power-1-branching": {
        "a-convex-kink-that-is-grazed": _pieces(0, [([], [])], "followed"),
        "branches-that-agree": _same_branch,
        "branches-that-are-one": _branch(0, ([], [2]), ([[2, "1"]], [])),
        "a-multiplier-above-1": _branch(0, ([[2, "5/4"]], []), ([], [2])),
        "a-multiplier-below-0": _branch(0, ([[2, "-1/5"]], []), ([], [2])),
        "a-multiplier-that-does-not-hold": _branch(0, ([[2, "3/5"]], []), ([], [2])),
        "a-kink-that-does-not-meet": _branch(0, ([], [0]), ([], [2])),
        "the-other-line-of-a-class": _pieces(1, [([], []), ([], []), ([], [4])]),
        "a-class-split": _sample(4, ["-2", "-1999999/1000000"]),
        "a-branch-that-converges": _outcome(0, "converges"),
        "branches-claimed-without-two": lambda content: _neuron(content, 0).update(branch=None),
        "a-branch-elsewhere": lambda content: _neuron(content, 1).update(
            branch=_neuron(content, 0)["branch"]
        ),
        "point-of-a-branch": _put("blocks.0.support", [0]),
        "zero-with-an-angle": _put("start_angle", "1/1000000000"),
        "masses-lowered": _masses(LESS),
    },
    "power-1-ball": {
        "larger-angle": _claimed("start_angle", Fraction(10**6)),
        "ball-on-a-kink": _pieces(0, [([], [])]),
        "ball-branches": lambda content: (
            _outcome(0, "branches")(content),
            _branch(0, ([[2, "4/5"]], []), ([], [2]))(content),
        )[0],
        "zero-in-a-ball": _outcome(3, "zero"),
        "ball-of-both-signs": _pieces(3, [([], [])]),
        **_stronger({1: "angle late-angle", 2: "angle"}),
    },
    "power-1-stopping": {
        "an-unlabelled-sample-is-active-at-the-stop": _sample(1, ["1", "1"]),
        "an-unlabelled-sample-behind-the-stop": _sample(1, ["-1", "0"]),
        "an-unlabelled-sample-on-the-boundary": _sample(1, ["-1", "-1/1000000"]),
        "dead-with-an-unlabelled-active-sample": _weights({4: "-2", 5: "1"}),
        "a-stop-of-a-leaky-network": lambda content: content["problem"]["network"]["activation"].update(
            alpha="1/1000"
        ),
        **_stronger({1: "angle late-angle exponent coefficient floor", 0: "angle"}),
    },
    "power-1-orthogonal": {
        "an-input-that-is-not-orthogonal": _sample(3, ["1/10", "0", "9/10"]),
        "an-unlabelled-opposite-input": _sample(3, ["1", "-1", "0"]),
        "a-leaky-network": lambda content: content["problem"]["network"]["activation"].update(alpha="1/1000"),
        "a-touched-kink-forgotten": _pieces(0, [([], []), ([], [])]),
        "a-touched-kink-crossed": _pieces(0, [([], []), ([], [1])]),
        "a-gap-where-others-are-pushed-away": lambda content: content["claim"]["blocks"][1].update(
            gap=[content["claim"]["blocks"][1]["value"][0], None]
        ),
        "another-limit-across-a-convex-kink": _weights({5: "-1/1000000"}),
        **{
            name: attack
            for name, attack in _stronger({0: "late-angle gap-below", 1: "late-angle value-below"}).items()
            if name not in ("slowest", "start-from-below")
        },
    },
    "power-1-logistic": {
        "a-kink-not-held": _pieces(2, [([], []), ([], []), ([], [0]), ([], [2])]),
        "a-held-kink-forgotten": _pieces(2, [([], []), ([], []), ([], [0]), ([], [])]),
        "two-kinks-held": _pieces(2, [([], []), ([], []), ([], [0]), ([0, 2], [])]),
        **_stronger({0: "radius angle late-angle exponent coefficient floor"}),
    },
    "power-1-followed": {
        "a-followed-neuron-converges": lambda content: (
            _outcome(2, "converges")(content),
            _cone(2, "1/50")(content),
        )[0],
        "a-law-next-to-a-followed-neuron": _put(
            "blocks.0.law", {"exponent": ["0", "1/10"], "coefficient": "10", "floor": "1000000"}
        ),
        "a-branch-before-its-point": lambda content: _neuron(content, 4)["pieces"].pop(),
        "a-sliding-change-of-sign-passed": lambda content: (
            _outcome(4, "inconclusive")(content),
            _neuron(content, 4)["pieces"].append({"slides": [], "on": []}),
        )[0],
        "other-units": lambda content: content["units"].update(inputs=2),
        **_stronger({0: "angle late-angle value-below gap-above"}),
    },
    "branches": {
        "other-order": _put("order", 3),
        "other-assumptions": _put("assumptions", []),
        "other-outcome": _put("blocks.0.outcome", "followed"),
        "other-index": _put("blocks.0.index", 5),
        "other-weights": _put("blocks.1.weights", [[15, 3], [42, 1]]),
        "a-reason-that-is-no-text": _put("blocks.1.reason", 1),
        "a-block-less": lambda content: content["claim"]["blocks"].pop(),
        "a-number-of-no-neuron": lambda content: _neuron(content, 1).update(index=12),
        "no-neurons": lambda content: _evidence(content).update(neurons=[]),
        "evidence-twice": lambda content: content["evidence"].append(_evidence(content)),
        "the-same-neuron-twice": lambda content: _evidence(content)["neurons"].__setitem__(
            1, _neuron(content, 0)
        ),
        "neurons-in-another-order": lambda content: _evidence(content)["neurons"].reverse(),
        "one-solution": _same_branch,
        "three-solutions": lambda content: _neuron(content, 0)["branch"].append({"slides": [], "on": []}),
        "a-multiplier-that-does-not-hold": _branch(0, ([[13, "29413/133915"]], []), ([], [13])),
        "a-piece-left-out": _dropped(0, 3),
        "an-unknown-kink": _pieces(1, [([], []), ([], [3])]),
        "v-and-g-are-0": _weights({12: "0", 13: "0", 14: "0", 40: "0"}),
        "a-neuron-that-does-not-branch": lambda content: _neuron(content, 1).update(index=6),
    },
}
"""Name of an accepted certificate -> attack -> what it changes."""
