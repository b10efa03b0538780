"""Every way in which a check ends is one verdict, word for word."""

import os

import pytest

from certflow import checker
from certflow.checker import EXIT_CODES, Verdict, check_file, check_text, registry
from certflow.checker.early_direction.claim import ASSUMPTIONS
from certflow.checker.kernel.reading import MAX_BYTES, canonical
from certflow.checker.kernel.verdicts import Malformed, OutOfTime, Refused


def text(claim):
    return canonical({"claim": claim}).encode("ascii")


@pytest.fixture
def proved(monkeypatch):
    """A checker for which a claim is proved by the function given, whatever else the file holds."""

    def by(prove):
        def check(content, clock):
            clock.enter("R2", "somewhere")
            prove(content, clock)
            return content["claim"]

        first, *others = registry.STATEMENTS
        assert first == "early-direction"
        statements = {first: registry.Statement(check, ASSUMPTIONS, list), **dict.fromkeys(others)}
        statements["another"] = registry.Statement(prove, ("It is so.",), list)
        monkeypatch.setattr(registry, "STATEMENTS", statements)
        return lambda claim, limit=None: check_text(text(claim), limit)

    return by


def test_a_claim_that_is_proved_is_accepted(proved):
    asked = []
    check = proved(lambda content, clock: asked.append((content, clock.end)) or {"proved": 1})
    for claim in ({"statement": "early-direction"}, {}, {"statement": ["another"]}, None, "another"):
        assert check(claim) == Verdict("accepted", "", "", "", claim, ASSUMPTIONS)
        assert asked[-1] == ({"claim": claim}, None)
    about = {"network": "any"}
    both = check_text(canonical({"claim": {}, "problem": about}))
    assert both == Verdict("accepted", "", "", "", {}, ASSUMPTIONS, about)
    assert check({"statement": "another"}) == Verdict(
        "accepted", claim={"proved": 1}, assumptions=("It is so.",)
    )
    assert asked[-1] == ({"claim": {"statement": "another"}}, None) and len(asked) == 7
    check({"statement": "another"}, 1e6)
    assert asked[-1][1] > 1e5


@pytest.mark.parametrize("statement", [[], None, {}, 1, "another", ["kkt-points"]])
def test_what_names_no_statement_is_for_the_first_to_refuse(statement):
    assert registry.named(statement) is registry.STATEMENTS["early-direction"]


@pytest.mark.parametrize(
    "content", [[], "another", None, {}, {"claim": []}, {"claim": {}}, {"claim": {"statement": 1}}]
)
def test_files_that_name_no_statement_are_malformed(content):
    assert check_text(canonical(content)).verdict == "malformed"


def test_text_is_as_good_as_bytes(proved):
    proved(lambda *_: None)
    assert check_text(text({}).decode("ascii")).verdict == "accepted"
    assert check_text('{"claim":"\u00e9"}') == Verdict("malformed", "R1", "file", "it is not ASCII text")
    assert check_text("\ud800") == Verdict(
        "malformed", "R1", "file", "it is not JSON: Expecting value: line 1 column 1 (char 0)"
    )


def test_a_file_that_is_no_table_names_no_statement(proved):
    proved(lambda *_: None)
    found = check_text(b"[]")
    assert (found.verdict, found.rule, found.where) == ("refused", "R2", "somewhere")


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (Refused("R7", "there", "so"), ("refused", "R7", "there", "so")),
        (Refused("", "", "so"), ("refused", "R2", "somewhere", "so")),
        (Malformed("there", "so"), ("malformed", "R1", "there", "so")),
        (Malformed("", "so"), ("malformed", "R1", "somewhere", "so")),
        (
            OutOfTime(),
            ("timeout", "R2", "somewhere", "the time limit has passed before everything was checked"),
        ),
        *(
            (
                kind("a\nb"),
                ("refused", "R2", "somewhere", f"the check could not be completed: {kind.__name__}: 'a\\nb'"),
            )
            for kind in (
                OverflowError,
                ZeroDivisionError,
                RecursionError,
                MemoryError,
                ValueError,
                IndexError,
                TypeError,
            )
        ),
        (
            ValueError("x" * 300),
            ("refused", "R2", "somewhere", f"the check could not be completed: ValueError: '{'x' * 200}'"),
        ),
    ],
)
def test_whatever_stops_a_check_is_a_verdict(proved, error, verdict):
    def stop(*_):
        raise error

    assert proved(stop)({}) == Verdict(*verdict)


def test_a_time_limit_that_has_passed(proved):
    found = proved(lambda *_: None)({}, 0.0)
    assert (found.verdict, found.rule, found.where) == ("timeout", "R2", "somewhere")


def test_every_verdict_has_its_exit_code():
    assert EXIT_CODES == {"accepted": 0, "refused": 1, "malformed": 2, "timeout": 3}


def test_a_file_is_read_and_checked(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(checker, "check_text", lambda *given: asked.append(given) or "verdict")
    path = tmp_path / "x.json"
    path.write_bytes(b"ab\r\n")
    assert check_file(path) == check_file(str(path), 7.5) == "verdict"
    assert check_file(path, 7.5, {"a": "problem"}) == "verdict"
    first, *others = ((b"ab\r\n", *each) for each in ((None, None), (7.5, None), (7.5, {"a": "problem"})))
    assert asked == [first, *others]


def test_no_more_of_a_file_is_read_than_is_needed_to_see_that_it_is_too_large(monkeypatch, tmp_path):
    monkeypatch.setattr(checker, "MAX_BYTES", 3)
    monkeypatch.setattr(checker, "check_text", lambda data, *_: data)
    path = tmp_path / "x.json"
    path.write_bytes(b"abcdef")
    assert check_file(path) == b"abcd" and MAX_BYTES == 16_000_000


def test_what_is_no_file_is_malformed(tmp_path):
    folder, missing, pipe = tmp_path, tmp_path / "missing", tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (folder, pipe):
        assert check_file(path) == Verdict("malformed", "R1", "file", "it is not a regular file")
    unread = f"it cannot be read: [Errno 2] No such file or directory: {str(missing)!r}"
    assert check_file(missing) == Verdict("malformed", "R1", "file", unread)
    assert check_file("\0").reason.startswith("it cannot be read: ")
