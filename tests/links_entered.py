"""A part of pytest: while tests that the proof notes link run, watches whether they enter the code of their
statements.

What a linked test enters in its own body counts, in all its cases together; fixtures and what another test
has left in a cache do not. The end of the run judges what the run can tell: a test all of whose cases were
run, and the code of a statement all of whose tests were. Tracing would cost too much: instead the code of
each linked function is replaced until it is called for the first time, so that nothing else runs any slower,
under a debugger or coverage too.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from inspect import isgeneratorfunction
from types import CodeType, FunctionType
from typing import Any

import pytest
from proof_links import Statement, all_statements, entries

PROPERTY = "entered"  # of a test's report, by which workers tell the process that started them


def false_links(statements: Iterable[Statement], entered: Mapping[str, Collection[str]]) -> list[str]:
    """One line per link that does not hold; `entered` has the linked code that each of the judged tests has
    entered.
    """
    found = []
    for each in statements:
        judged = [test for test in each.tests if test in entered]
        found += [
            f"{each.label}: {test} enters none of its code"
            for test in judged
            if not {*each.code} & {*entered[test]}
        ]
        if len(judged) == len(each.tests):
            reached = {name for test in judged for name in entered[test]}
            found += [
                f"{each.label}: none of its tests enters {name}" for name in each.code if name not in reached
            ]
    return found


def _gate(*args: Any, **kwargs: Any) -> Any:
    """What a watched function runs the first time; its constant is replaced by a function that opens the
    gate.
    """
    first: Any = "the first call"
    return first(*args, **kwargs)


def _generator_gate(*args: Any, **kwargs: Any) -> Any:
    """The same for a generator, whose code must be that of one."""
    first: Any = "the first call"
    yield from first(*args, **kwargs)


_PLACE = "the first call"


class Watch:
    """What linked tests have entered in this process."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self.of_test: dict[str, list[Statement]] = defaultdict(list)
        for each in statements:
            for test in each.tests:
                self.of_test[test].append(each)
        self.entered: dict[str, set[str]] = defaultdict(set)

    def sought(self, test: str) -> set[str]:
        """Code of which it is not known that `test` enters it, and which would tell something."""
        sought: set[str] = set()
        for each in self.of_test[test]:
            if not {*each.code} & self.entered[test]:
                sought |= {*each.code}
            sought |= {*each.code}.difference(*(self.entered[other] for other in each.tests))
        return sought

    @contextmanager
    def during(self, test: str) -> Iterator[None]:
        """Watches `test` while the body of the `with` runs."""
        names: dict[FunctionType, list[str]] = defaultdict(list)
        for name in self.sought(test):
            for function in entries(name):
                names[function].append(name)
        originals = {function: function.__code__ for function in names}

        def gate(function: FunctionType) -> CodeType:
            def first(*args: Any, **kwargs: Any) -> Any:
                function.__code__ = originals[function]
                self.entered[test].update(names[function])
                return function(*args, **kwargs)

            code = (_generator_gate if isgeneratorfunction(function) else _gate).__code__
            constants = tuple(first if value == _PLACE else value for value in code.co_consts)
            return code.replace(co_consts=constants, co_freevars=function.__code__.co_freevars)

        for function in names:
            function.__code__ = gate(function)
        try:
            yield
        finally:
            for function, code in originals.items():
                function.__code__ = code


WATCH = Watch(all_statements())
CASES: Counter[str] = Counter()  # of each test, in the process that runs it
REPORTED: dict[str, dict[str, tuple[int, list[str]]]] = defaultdict(dict)  # of each test, by case
FALSE: list[str] = []


def test_of(nodeid: str) -> str:
    """The name by which a note links the test of which `nodeid` is a case."""
    return nodeid.split("[")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Counts the cases of each test before some are deselected."""
    CASES.update(test_of(item.nodeid) for item in items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Watches a linked test."""
    test = test_of(item.nodeid)
    if test not in WATCH.of_test:
        return (yield)
    with WATCH.during(test):
        try:
            return (yield)
        finally:
            item.user_properties.append((PROPERTY, [CASES[test], sorted(WATCH.entered[test])]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keeps what a case that did not fail has entered."""
    if report.when == "call" and not report.failed:
        for name, value in report.user_properties:
            if name == PROPERTY:
                REPORTED[test_of(report.nodeid)][report.nodeid] = value


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Lets the run fail if a link is false; workers leave that to the process that started them."""
    if hasattr(session.config, "workerinput") or any("[" in argument for argument in session.config.args):
        return
    whole = {
        test: cases.values()
        for test, cases in REPORTED.items()
        if len(cases) == max(count for count, _ in cases.values())
    }
    FALSE[:] = false_links(
        all_statements(),
        {test: {name for _, names in cases for name in names} for test, cases in whole.items()},
    )
    if FALSE:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which links of the notes are false."""
    if FALSE:
        terminalreporter.section("links of proofs_notes/ that do not hold", red=True)
        for line in FALSE:
            terminalreporter.line(line)
