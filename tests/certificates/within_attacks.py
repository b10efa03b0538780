"""Attacks on certificates of exactly symmetric starts: each breaks one condition of O4 or of the claim."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from attacks import Content, dyadic, value_of

Change = Callable[[Content], object]


def _group(content: Content) -> dict[str, Any]:
    return content["groups"][0]


def _block(content: Content, k: int = 0) -> dict[str, Any]:
    return content["claim"]["blocks"][k]


def _entry(k: int = 0, **entries: Any) -> Change:
    """Other entries of the first symmetry of a group."""
    return lambda content: content["groups"][k]["symmetries"][0].update(entries)


def _moved(place: list[Any], *path: int) -> None:
    """An integer of the evidence one unit of the grid aside."""
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] += 1


def _start_of_the_curve_aside(content: Content) -> None:
    _moved(_group(content)["start"], 0, 0)


def _coefficient_aside(content: Content) -> None:
    pieces = _group(content)["windows"][1]["parts"][1]
    _moved(pieces[0][1], 0, -1)


def _there_and_back(content: Content) -> None:
    """Two linear coefficients one unit aside, so that the curve leaves the subspace and ends in it."""
    rows = _group(content)["windows"][1]["parts"][0][0][1]
    rows[0][0] += 1
    rows[0][1] -= 1


def _other_pieces(content: Content) -> None:
    """The same polynomial of one neuron but with the end of its piece elsewhere."""
    pieces = _group(content)["windows"][1]["parts"][1]
    end, rows = pieces[0]
    half = [[c * 2**-k if c % 2**k == 0 else c for k, c in enumerate(row, 1)] for row in rows]
    pieces[:1] = [[end // 2, [[int(c) for c in row] for row in half]], [end, rows]]


def _trap_aside(key: str) -> Change:
    return lambda content: _moved(_group(content)["trap"][key], 0, 0)


def _data(**entries: Any) -> Change:
    return lambda content: content["problem"]["data"].update(entries)


def _direction(*values: str) -> Change:
    return lambda content: content["problem"].update(direction=list(values))


def _declared(outcome: str, k: int = 0) -> Change:
    def attack(content: Content) -> None:
        content["groups"][k]["outcome"] = _block(content, k)["outcome"] = outcome

    return attack


def _larger_gamma(k: int, factor: Fraction) -> Change:
    def attack(content: Content) -> None:
        trap = content["groups"][k]["trap"]
        trap["gamma"] = dyadic(value_of(trap["gamma"]) * factor)

    return attack


def _linear(content: Content) -> None:
    content["problem"]["network"]["activation"] = {"alpha": "1", "power": 1}


_TURNED = [["0", "1"], ["-1", "0"]]

ATTACKS: dict[str, dict[str, Change]] = {
    "within": {
        "curve-starts-aside": _start_of_the_curve_aside,
        "coefficient-aside": _coefficient_aside,
        "curve-leaves-and-comes-back": _there_and_back,
        "pieces-end-elsewhere": _other_pieces,
        "centre-aside": _trap_aside("centre"),
        "gap-direction-aside": _trap_aside("gap_direction"),
        "no-symmetry": lambda content: _group(content).pop("symmetries"),
        "not-said": lambda content: _block(content).pop("within"),
        "said-to-be-false": lambda content: _block(content).update(within=False),
        "start-angle": lambda content: content["claim"].update(start_angle="1/1000000000000"),
        "start-not-symmetric": _direction("51/100", "3/4", "1/2", "3/4", "1/4", "-1/8", "1", "1", "1/2"),
        "outgoing-weights-of-both-signs": _direction(
            "1/2", "3/4", "1/2", "3/4", "1/4", "-1/8", "1", "-1", "1/2"
        ),
        "another-neuron": _entry(neurons={"1": [0, 2, 1]}),
        "all-neurons": _entry(neurons={"1": [1, 2, 0]}),
        "no-permutation": _entry(neurons={"1": [0, 0, 2]}),
        "no-neuron": _entry(neurons={"1": [1, 0, 3]}),
        "nothing-is-moved": _entry(neurons={}),
        "samples-moved": _entry(samples=[1, 0, 2]),
        "inputs-turned": _entry(inputs=_TURNED),
        "exact-start": _declared("exact-start"),
        "continuum": _declared("continuum"),
        "gamma-larger": _larger_gamma(0, Fraction(2)),
        "support-of-another-neuron": lambda content: _block(content).update(support=[0, 1, 2]),
    },
    "within-mirror": {
        "label-of-a-mirror-image": _data(y=["1", "1", "1/3", "1/4"]),
        "sample-not-mirrored": _data(X=[["1", "1/2"], ["1", "-1/2"], ["-1/4", "1"], ["-1/4", "-2"]]),
        "samples-not-moved": _entry(samples=None),
        "samples-in-another-order": _entry(samples=[1, 0, 2, 3]),
        "inputs-not-turned": _entry(inputs=None),
        "inputs-turned": _entry(inputs=_TURNED),
        "inputs-stretched": _entry(inputs=[["1", "0"], ["0", "-2"]]),
        "inputs-projected": _entry(inputs=[["1", "0"], ["0", "0"]]),
        "neurons-not-moved": _entry(neurons={}),
        "start-not-mirrored": _direction("1", "1/4", "1", "-1/5", "1", "1"),
        "curve-starts-aside": lambda content: _moved(_group(content)["start"], 0, 1),
        "centre-aside": _trap_aside("centre"),
    },
    "within-orthogonal": {
        "linear": _linear,
        "sample-not-orthogonal": _data(X=[["2", "1"], ["-1", "3"]]),
        "other-neuron": _entry(1, neurons=[0]),
        "no-such-neuron": _entry(1, neurons=[3]),
        "negative-neuron": _entry(1, neurons=[-2]),
        "all-vectors": _entry(1, orthogonal=[["1", "0"], ["0", "1"]]),
        "another-vector": _entry(1, orthogonal=[["1", "1"]]),
        "outgoing-sign": lambda content: content["problem"]["network"].update(signs=[1, -1, -1]),
        "gap-of-one-direction": lambda content: _block(content, 1).update(gap=["1", None]),
        "exact-start": _declared("exact-start", 1),
        "of-a-neuron-that-is-not-meant": lambda content: _block(content, 0).update(within=True),
        "centre-aside": lambda content: _moved(content["groups"][1]["trap"]["centre"], 0, 0),
    },
}
