"""Certificates of neurons that never see some samples that must be refused: an accepted one, altered in one
place and sealed again with correct hashes.
"""

from collections.abc import Callable
from typing import Any

Content = dict[str, Any]
Attack = Callable[[Content], None]


def _silent(evidence: Any, claim: Any) -> Attack:
    """Other samples that the first neuron is said not to see, in the evidence and in the claim."""

    def attack(content: Content) -> None:
        for own, silent in ((content["groups"][0], evidence), (content["claim"]["blocks"][0], claim)):
            own.pop("silent")
            if silent is not None:
                own["silent"] = silent

    return attack


def _sees(k: int, *x: str) -> Attack:
    """Another sample k."""

    def attack(content: Content) -> None:
        content["problem"]["data"]["X"][k] = list(x)

    return attack


def _of_the_other(content: Content) -> None:
    """The second neuron is active on the sample."""
    content["groups"][1]["silent"] = content["claim"]["blocks"][1]["silent"] = [2]


def _both(**entries: Any) -> Attack:
    """In a group and its block."""

    def attack(content: Content) -> None:
        content["groups"][0].update(entries)
        content["claim"]["blocks"][0].update(entries)

    return attack


ATTACKS: dict[str, dict[str, Attack]] = {
    "silent": {
        "none-in-the-evidence": _silent(None, [2]),
        "none-in-the-claim": _silent([2], None),
        "none-at-all": _silent(None, None),
        "another-in-the-claim": _silent([2], [1]),
        "an-active-one": _silent([1, 2], [1, 2]),
        "one-that-does-not-exist": _silent([2, 3], [2, 3]),
        "twice": _silent([2, 2], [2, 2]),
        "of-the-other-neuron": _of_the_other,
        "a-sample-at-an-acute-angle": _sees(1, "0", "1", "1/1000"),
        "a-sample-at-an-obtuse-angle": _sees(1, "0", "1", "-1/1000"),
        "a-start-reaches-over-the-kink": lambda content: content["claim"].update(start_angle="1/2"),
        "leaky": lambda content: content["problem"]["network"]["activation"].update(alpha="1/100"),
        "shrinking": _both(outcome="shrinks"),
        "larger-gap": lambda content: content["claim"]["blocks"][0].update(gap=["5", "6"]),
    },
}
"""Name of an accepted certificate -> attack -> what it changes."""
