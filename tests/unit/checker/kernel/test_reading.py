"""Reading JSON text and exact numbers: every limit at its edge, and every sentence about what is none."""

import hashlib
from fractions import Fraction as F

import pytest

from certflow.checker.kernel import reading
from certflow.checker.kernel.reading import Node, canonical, digest, parse
from certflow.checker.kernel.verdicts import Clock, Malformed, OutOfTime, Refused


def said(action, *arguments, **options):
    """The kind of refusal, its rule and place, and the sentence; the answer if there is one."""
    try:
        return action(*arguments, **options)
    except Refused as error:
        assert str(error) == error.reason
        kind = "malformed" if isinstance(error, Malformed) else "refused"
        return f"{kind} ({error.rule}, {error.where}): {error.reason}"


def test_the_canonical_text_and_its_hash():
    content = {"b": [1, None, True, "\u00e9"], "a": {}}
    text = '{"a":{},"b":[1,null,true,"\\u00e9"]}'
    assert canonical(content) == text
    assert digest(content) == hashlib.sha256(text.encode()).hexdigest()
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical(float("nan"))


CANONICAL = "malformed (R1, file): the text is not in canonical form (sorted keys, no spaces)"
PARSED = {
    b'{"a":{},"b":[1,null,true,"x"]}': {"a": {}, "b": [1, None, True, "x"]},
    b"[-12]\n": [-12],
    b"[]\n\n": CANONICAL,
    b"[] ": CANONICAL,
    b"[1, 2]": CANONICAL,
    b"[-0]": CANONICAL,
    b'{"b":1,"a":1}': CANONICAL,
    b'"\\u0041"': CANONICAL,
    b'{"a":1,"a":1}': "malformed (R1, file): a key occurs twice in one object",
    b"[1.5]": "malformed (R1, file): the number 1.5 is not a whole number",
    b"[1e5]": "malformed (R1, file): the number 1e5 is not a whole number",
    b"[0." + b"3" * 50 + b"]": "malformed (R1, file): the number 0." + "3" * 38 + " is not a whole number",
    b"[NaN]": "malformed (R1, file): the number NaN is not a whole number",
    b"[Infinity]": "malformed (R1, file): the number Infinity is not a whole number",
    b"[" + b"7" * 60 + b"]": [int("7" * 60)],
    b"[" + b"7" * 61 + b"]": "malformed (R1, file): a whole number has 61 digits; at most 60 are read",
    b"[\xff]": "malformed (R1, file): it is not ASCII text",
    b"[" * 100_000: "malformed (R1, file): it is nested too deeply",
    b"": "malformed (R1, file): it is not JSON: Expecting value: line 1 column 1 (char 0)",
    b"[1": "malformed (R1, file): it is not JSON: Expecting ',' delimiter: line 1 column 3 (char 2)",
}


@pytest.mark.parametrize("data", list(PARSED), ids=range(len(PARSED)))
def test_what_is_parsed(data):
    found = said(parse, data)
    assert found == PARSED[data] and repr(found) == repr(PARSED[data])


def test_the_size_of_a_file_at_its_edge(monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 5)
    assert said(parse, b'"abc"') == "abc"
    assert said(parse, b'"abcd"') == "malformed (R1, file): it is larger than 5 bytes"


def test_the_sentence_about_what_is_no_json_is_short(monkeypatch):
    def fail(*_, **__):
        raise ValueError("x" * 300)

    monkeypatch.setattr(reading.json, "loads", fail)
    assert said(parse, b"[]") == "malformed (R1, file): it is not JSON: " + "x" * 100


RATIONAL, LOWEST = "expected a rational number p/q", "the rational number is not in lowest terms"
DYADIC, ODD = "expected a dyadic number m*2^e", "the dyadic number is not in canonical form"
TEXT, LIST = "expected a short text", "expected a list of length"
LONG = "9" * 4000

# Method, its arguments, and value -> answer, or the sentence.
READ = [
    ("rational", (), "0", F(0)),
    ("rational", (), "-7", F(-7)),
    ("rational", (), "3/4", F(3, 4)),
    ("rational", (), "-12/35", F(-12, 35)),
    ("rational", (), LONG, F(int(LONG[:2000])) * 10**2000 + int(LONG[:2000])),
    ("rational", (), f"-1/{LONG}", None),
    ("rational", (), f"-{LONG}/1{LONG[1:]}", None),
    ("rational", (), f"{LONG}9", RATIONAL),
    ("rational", (), f"1/{LONG}9", RATIONAL),
    ("rational", (), f"-{LONG}9/7", RATIONAL),
    ("rational", (), "2/4", LOWEST),
    ("rational", (), "4/1", LOWEST),
    ("rational", (), "-0", LOWEST),
    ("rational", (), "0/5", LOWEST),
    ("rational", (), "1/0", RATIONAL),
    ("rational", (), "01", RATIONAL),
    ("rational", (), "1/02", RATIONAL),
    ("rational", (), "1/-2", RATIONAL),
    ("rational", (), "+1", RATIONAL),
    ("rational", (), " 1", RATIONAL),
    ("rational", (), "1\n", RATIONAL),
    ("rational", (), "1.5", RATIONAL),
    ("rational", (), "", RATIONAL),
    ("rational", (), "\u0661", RATIONAL),
    ("rational", (), 1, RATIONAL),
    ("rational", (), None, RATIONAL),
    ("dyadic", (), "0*2^0", F(0)),
    ("dyadic", (), "3*2^-2", F(3, 4)),
    ("dyadic", (), "-5*2^3", F(-40)),
    ("dyadic", (), "1*2^4000", F(2) ** 4000),
    ("dyadic", (), "1*2^-4000", F(2) ** -4000),
    ("dyadic", (), "1*2^4001", DYADIC),
    ("dyadic", (), "1*2^-4001", DYADIC),
    ("dyadic", (), "7" * 60 + "*2^1", F(int("7" * 60)) * 2),
    ("dyadic", (), "7" * 61 + "*2^1", DYADIC),
    ("dyadic", (), "-" + "7" * 59 + "*2^1", F(-int("7" * 59)) * 2),
    ("dyadic", (), "2*2^1", ODD),
    ("dyadic", (), "0*2^1", ODD),
    ("dyadic", (), "-0*2^0", ODD),
    ("dyadic", (), "1*2^-0", ODD),
    ("dyadic", (), "1*2^123456", DYADIC),
    ("dyadic", (), "1*2^01", DYADIC),
    ("dyadic", (), "1/2", DYADIC),
    ("dyadic", (), "1*2^1\n", DYADIC),
    ("dyadic", (), "", DYADIC),
    ("dyadic", (), 1, DYADIC),
    ("dyadic", (), None, DYADIC),
    ("integer", (2, 4), 2, 2),
    ("integer", (2, 4), 4, 4),
    ("integer", (2, 4), 1, "expected a whole number (2 to 4)"),
    ("integer", (2, 4), 5, "expected a whole number (2 to 4)"),
    ("integer", (0, 4), True, "expected a whole number (0 to 4)"),
    ("integer", (0, 4), "1", "expected a whole number (0 to 4)"),
    ("integer", (1, 1), 2, "expected a whole number (1)"),
    ("integers", (1, 2), [5], [5]),
    ("integers", (1, 2), [-5, 10**50], [-5, 10**50]),
    ("integers", (1, 2), [], f"{LIST} 1 to 2"),
    ("integers", (1, 2), [1, 2, 3], f"{LIST} 1 to 2"),
    ("integers", (2, 2), [1], f"{LIST} 2"),
    ("integers", (2, 2), [1, True], "expected whole numbers"),
    ("integers", (2, 2), [1, "1"], "expected whole numbers"),
    ("integers", (0, 2), "12", f"{LIST} 0 to 2"),
    ("flag", (), True, True),
    ("flag", (), False, False),
    ("flag", (), 1, "expected true or false"),
    ("flag", (), None, "expected true or false"),
    ("text", (), "", ""),
    ("text", (), "It is ~ so.", "It is ~ so."),
    ("text", (), "x" * 2000, "x" * 2000),
    ("text", (), "x" * 2001, TEXT),
    ("text", (), "\u00e9", TEXT),
    ("text", (), "a\nb", TEXT),
    ("text", (), "\x1b", TEXT),
    ("text", (), 1, TEXT),
    ("text", (), None, TEXT),
    ("text", ("a", "b"), "a", "a"),
    ("text", ("a", "b"), "b", "b"),
    ("text", ("a", "b"), "c", "expected a or b"),
    ("text", ("a", "b"), "", "expected a or b"),
    ("text", ("a",), None, "expected a"),
    ("items", (2,), [1, "x"], [Node(1, "here[0]"), Node("x", "here[1]")]),
    ("items", (0,), [], []),
    ("items", (2,), [1], f"{LIST} 2"),
    ("items", (1, 2), [1, 2], [Node(1, "here[0]"), Node(2, "here[1]")]),
    ("items", (1, 2), [], f"{LIST} 1 to 2"),
    ("items", (1, 2), [1, 2, 3], f"{LIST} 1 to 2"),
    ("items", (1, 2), {"a": 1}, f"{LIST} 1 to 2"),
    ("items", (1, 2), "a", f"{LIST} 1 to 2"),
    ("rationals", (2,), ["1", "-1/2"], [1, F(-1, 2)]),
    ("rationals", (2,), ["1"], f"{LIST} 2"),
    ("pair", (), ["2", "1"], (2, 1)),
    ("pair", (), ["2"], f"{LIST} 2"),
    ("fields", ("a b",), {"a": 1, "b": []}, {"a": Node(1, "here.a"), "b": Node([], "here.b")}),
    ("fields", ("a", "b"), {"a": 1}, {"a": Node(1, "here.a")}),
    ("fields", ("a", "b"), {"a": 1, "b": 2}, {"a": Node(1, "here.a"), "b": Node(2, "here.b")}),
    ("fields", ("a b c",), {"c": 1}, "the key 'a' is missing"),
    ("fields", ("a", "b"), {"b": 1}, "the key 'a' is missing"),
    ("fields", ("a", "b"), {"a": 1, "d": 1, "c": 1}, "the key 'c' is unknown"),
    ("fields", ("a",), {"a": 1, "\u00e9" * 50: 1}, "the key '" + "\\xe9" * 40 + "' is unknown"),
    ("fields", ("a",), {"a": 1, "": 1}, "the key '' is unknown"),
    ("fields", ("a",), {"a": 1, "XXXX": 1}, "the key 'XXXX' is unknown"),
    ("fields", ("a",), [], "expected an object"),
    ("fields", ("a",), "a", "expected an object"),
]


@pytest.mark.parametrize(("method", "arguments", "value", "answer"), READ, ids=range(len(READ)))
def test_what_is_read(method, arguments, value, answer):
    found = said(getattr(Node(value, "here"), method), *arguments)
    if answer is None:
        assert str(found) == value
    elif isinstance(answer, str) and answer != value:
        assert found == f"malformed (R1, here): {answer}"
    else:
        assert found == answer and (type(found) is not int or type(answer) is int)


def test_places_are_those_of_the_file():
    assert Node({"a": 1}, "").fields("a") == {"a": Node(1, "a")}
    assert said(Node(1, "").flag) == "malformed (R1, file): expected true or false"
    assert (
        said(Node(["1", "x"], "there").rationals, 2)
        == "malformed (R1, there[1]): expected a rational number p/q"
    )
    assert said(Node(["1", 2], "there").pair) == "malformed (R1, there[1]): expected a rational number p/q"
    assert said(Node(1, "there").fail, "It is so.") == "malformed (R1, there): It is so."


AGREE = "refused (R9, here): it does not agree with the rest of the certificate"
BELOW, NARROW = "it is below the proved bound", "refused (R9, here): it is narrower than what is proved"
PROVED = [
    ("need", (True, "It is so."), None, None),
    ("need", (False, "It is so."), None, "refused (R9, here): It is so."),
    ("need", (False, "It is so.", "R4"), None, "refused (R4, here): It is so."),
    ("same", (1,), 1, None),
    ("same", (1,), True, AGREE),
    ("same", ([0],), [False], AGREE),
    ("same", (None,), None, None),
    ("same", (None,), 0, AGREE),
    ("same", ("a",), "b", AGREE),
    ("same", ({"a": 1, "b": 2},), {"a": 1, "b": 2}, None),
    ("at_least", (F(1, 2),), "1/2", None),
    ("at_least", (F(1, 2),), "3/4", None),
    ("at_least", (F(1, 2),), "1/4", f"refused (R9, here): {BELOW}"),
    ("at_least", (F(1, 2), "R7"), "1/4", f"refused (R7, here): {BELOW}"),
    ("at_least", (F(1, 2),), 1, "malformed (R1, here): expected a rational number p/q"),
    ("encloses", (F(1), F(2)), ["1", "2"], None),
    ("encloses", (F(1), F(2)), ["0", "3"], None),
    ("encloses", (F(1), F(2)), ["3/2", "2"], NARROW),
    ("encloses", (F(1), F(2)), ["1", "3/2"], NARROW),
    ("encloses", (F(1), F(2)), ["1", None], "malformed (R1, here[1]): expected a rational number p/q"),
    ("encloses", (F(1), None), ["1", "2"], NARROW),
    ("encloses", (F(1), None), ["1", None], NARROW),
    ("encloses", (F(1), None, True), ["1", None], None),
    ("encloses", (F(1), F(2), True), ["1", None], None),
    ("encloses", (F(1), F(2), True), ["1", "2"], None),
    ("encloses", (F(1), None, True), ["3/2", None], NARROW),
    ("encloses", (F(1), F(2), True), ["1", "3/2"], NARROW),
    ("encloses", (F(1), None, True), ["1", "2"], NARROW),
    ("encloses", (F(1), F(2)), [None, "2"], "malformed (R1, here[0]): expected a rational number p/q"),
    ("encloses", (F(1), F(2)), ["1"], "malformed (R1, here): expected a list of length 2"),
]


@pytest.mark.parametrize(("method", "arguments", "value", "answer"), PROVED, ids=range(len(PROVED)))
def test_what_is_refused(method, arguments, value, answer):
    assert said(getattr(Node(value, "here"), method), *arguments) == answer


def test_the_clock_stops_after_its_limit_and_knows_what_was_checked(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("certflow.checker.kernel.verdicts.time.monotonic", lambda: now[0])
    clock, never = Clock(5), Clock(None)
    assert (clock.rule, clock.where) == ("R1", "file")
    now[0] = 105.0
    clock.tick()
    clock.enter("R4", "there")
    now[0] = 105.5
    with pytest.raises(OutOfTime):
        clock.tick()
    with pytest.raises(OutOfTime):
        clock.enter("R7", "elsewhere")
    assert (clock.rule, clock.where) == ("R7", "elsewhere")
    now[0] = 1e9
    never.tick()


@pytest.mark.parametrize("limit", [0, -1, float("-inf"), float("nan")])
def test_no_time_is_over_at_once(limit, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("certflow.checker.kernel.verdicts.time.monotonic", lambda: now[0])
    clock = Clock(limit)
    clock.tick()
    now[0] = 100.001
    with pytest.raises(OutOfTime):
        clock.tick()
