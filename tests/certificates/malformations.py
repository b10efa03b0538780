"""Certificates that are none: texts, and accepted certificates with one entry that breaks the form, sealed
again.
"""

import json
from collections.abc import Callable
from typing import Any

from attacks import FOLDER, accepted, sealed

from certflow.checker.kernel.reading import canonical, digest

Content = dict[str, Any]

RAW = (FOLDER / "accept" / "one-neuron.json").read_bytes()


def _edited(**changes: object) -> bytes:
    content = accepted("one-neuron")
    content.update(changes)
    return sealed(content)


def _hashed(content: Content) -> bytes:
    """With the right hash of the file, though it holds no claim that could be sealed."""
    del content["sha256"]
    return canonical({**content, "sha256": digest(content)}).encode("ascii")


TEXTS: dict[str, bytes] = {
    "empty": b"",
    "not-json": b"certificate",
    "truncated": RAW[: len(RAW) // 2],
    "byte-changed": RAW.replace(b'"epsilon":"1/50"', b'"epsilon":"1/51"'),
    "nan": RAW.replace(b'"grid":48', b'"grid":NaN'),
    "infinity": RAW.replace(b'"grid":48', b'"grid":-Infinity'),
    "float": RAW.replace(b'"grid":48', b'"grid":48.0'),
    "exponent-float": RAW.replace(b'"grid":48', b'"grid":48e0'),
    "duplicate-key": RAW.replace(b'"grid":48', b'"grid":48,"grid":48'),
    "spaces": json.dumps(json.loads(RAW)).encode(),
    "unsorted": b'{"version":1,"format":"certflow-certificate"}',
    "two-newlines": RAW + b"\n\n",
    "byte-order-mark": b"\xef\xbb\xbf" + RAW,
    "latin": RAW.replace(b'"reason":""', b'"reason":"\xe9"', 1),
    "deep-nesting": b"[" * 100_000 + b"]" * 100_000,
    "deep-objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "long-integer": RAW.replace(b'"grid":48', b'"grid":' + b"9" * 100_000),
    "too-large": b'"' + b"a" * 17_000_000 + b'"',
    "a-list": b"[]",
    "null": b"null",
    "unknown-key": _edited(extra=1),
    "other-format": _edited(format="other"),
    "other-version": _edited(version=2),
    "boolean-version": _edited(version=True),
    "other-assumptions": _edited(assumptions=["Nothing."]),
    "no-groups": _edited(groups=[]),
    "claim-is-text": _hashed({**accepted("one-neuron"), "claim": "proved"}),
    "coarse-grid": _edited(grid=8),
}
"""Name -> the bytes of a file."""

INSIDE: dict[str, Callable[[Content], object]] = {
    "huge-exponent": lambda c: c["groups"][0]["windows"][0].update(h="1*2^99999"),
    "rational-exponent": lambda c: c["claim"].update(delta_bar="1e-3"),
    "not-lowest-terms": lambda c: c["claim"].update(epsilon="2/100"),
    "long-digits": lambda c: c["claim"].update(epsilon="1/" + "9" * 5000),
    "zero-denominator": lambda c: c["claim"].update(epsilon="1/0"),
    "even-mantissa": lambda c: c["groups"][0]["windows"][0].update(h="2*2^-3"),
    "number-for-text": lambda c: c["claim"].update(epsilon=1),
    "no-step": lambda c: c["groups"][0]["windows"][0].update(steps=[]),
    "negative-region": lambda c: c["groups"][0]["windows"][0]["steps"][0].__setitem__(1, "-1*2^-9"),
    "negative-lift": lambda c: c["groups"][0]["windows"][0]["steps"][0].__setitem__(2, "-1*2^-9"),
    "negative-time": lambda c: c["groups"][0]["windows"][0].update(h="-1*2^-3"),
    "negative-gamma": lambda c: c["groups"][0]["trap"].update(gamma="-1*2^-3"),
    "an-ending-of-what-converges": lambda c: c["groups"][0].update(ending={"direction": ["1", "0"]}),
    "silent-samples-of-an-unknown": lambda c: c["groups"][0].update(
        outcome="inconclusive", reason="?", start=None, windows=[], trap=None, silent=[0]
    ),
    "no-smaller-balls": lambda c: c["groups"][0]["trap"].update(smaller=[]),
    "larger-smaller-ball": lambda c: c["groups"][0]["trap"].update(
        smaller=[{"gamma": "1*2^9", "r0": "1*2^-1", "s": "0*2^0", "after": "0*2^0"}]
    ),
    "slower-smaller-ball": lambda c: c["groups"][0]["trap"].update(
        smaller=[{"gamma": "1*2^-20", "r0": "1*2^-30", "s": "0*2^0", "after": "0*2^0"}]
    ),
    "smaller-ball-before-the-horizon": lambda c: c["groups"][0]["trap"].update(
        smaller=[{"gamma": "1*2^9", "r0": "1*2^-30", "s": "0*2^0", "after": "-1*2^0"}]
    ),
    "window-not-filled": lambda c: c["groups"][0]["windows"][0]["parts"][0][-1].__setitem__(0, 5),
    "coefficient-is-text": lambda c: c["groups"][0]["start"][0].__setitem__(0, "1"),
    "unknown-window-key": lambda c: c["groups"][0]["windows"][0].update(cells=[]),
    "missing-claim-key": lambda c: c["claim"].pop("radius"),
    "unknown-claim-key": lambda c: c["claim"].update(bonus="1"),
    "other-kind": lambda c: c["problem"]["network"].update(kind="expression"),
    "ragged-data": lambda c: c["problem"]["data"]["X"][0].append("1"),
    "alpha-too-large": lambda c: c["problem"]["network"]["activation"].update(alpha="2"),
    "zero-direction": lambda c: c["problem"].update(direction=["0", "0"]),
    "wide-network": lambda c: c["problem"]["network"].update(width=10**9),
}
"""Name -> what it does to a certificate of one neuron."""

LISTS: dict[str, Callable[[Content], object]] = {
    "no-points-key": lambda c: c["claim"].pop("points"),
    "points-are-a-number": lambda c: c["claim"].update(points=3),
    "unknown-claim-key": lambda c: c["claim"].update(bonus="1"),
    "unknown-point-key": lambda c: c["claim"]["points"][0].update(bonus="1"),
    "missing-point-key": lambda c: c["claim"]["points"][0].pop("gap"),
    "unknown-proof": lambda c: c["claim"].update(proof="trust"),
    "unknown-kind": lambda c: c["claim"]["points"][0].update(kind="arc"),
    "dead-cone-is-a-number": lambda c: c["claim"].update(dead_cone=0),
    "missing-evidence": lambda c: c.pop("evidence"),
    "evidence-is-short": lambda c: c["evidence"].pop(),
    "vector-is-short": lambda c: c["evidence"][0]["top"].pop(),
    "vector-is-long-numbers": lambda c: c["evidence"][0].update(top=[10**40] * 3),
    "vector-is-text": lambda c: c["evidence"][0].update(top=["1", "0", "0"]),
    "grid": lambda c: c.update(grid=48),
    "centre-is-rational": lambda c: c["claim"]["points"][0].update(centre=["1/2", "1", "0"]),
    "centre-is-short": lambda c: c["claim"]["points"][0]["centre"].pop(),
    "centre-has-even-mantissa": lambda c: c["claim"]["points"][0].update(
        centre=["2*2^-1", "1*2^-2", "1*2^-2"]
    ),
    "radius-is-null": lambda c: c["claim"]["points"][0].update(radius=None),
    "huge-exponent": lambda c: c["claim"]["points"][0].update(radius="1*2^-99999"),
    "value-not-in-lowest-terms": lambda c: c["claim"]["points"][0].update(value=["2/4", "3/4"]),
    "value-is-one-number": lambda c: c["claim"]["points"][0].update(value="1"),
    "gap-is-open": lambda c: c["claim"]["points"][0].update(gap=["0", None]),
    "early-assumptions": lambda c: c.update(assumptions=accepted("one-neuron")["assumptions"]),
    "no-n-max": lambda c: c["claim"].update(n_max_upper=None),
}
"""Name -> what it does to a list of KKT points."""

UNITS: dict[str, Callable[[Content], object]] = {
    "a number": lambda units: 3,
    "nothing": lambda units: None,
    "a missing key": lambda units: {"inputs": 0, "labels": 0},
    "an unknown key": lambda units: {**units, "direction": 1},
    "text": lambda units: {**units, "inputs": "1"},
    "a truth value": lambda units: {**units, "inputs": True},
    "a trained layer": lambda units: {**units, "given": {"2": 1}},
    "no layer": lambda units: {**units, "given": {"9": 1}},
    "labels of the logistic loss": lambda units: {**units, "labels": 1},
    "a huge exponent": lambda units: {**units, "inputs": 10**9},
    "a huge unit of outputs": lambda units: {**units, "inputs": 9_000, "given": {"1": 9_000}},
}
"""Name -> units made of those of a certificate with given layers."""
