"""Damaged certificates with right hashes: whoever reads one answers with a verdict or one sentence, never
with a traceback.
"""

import copy
import random
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from certflow.cli.commands import main

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
try:
    from attacks import accepted, sealed
finally:
    sys.path.remove(str(FOLDER))

NAMES = [
    "one-neuron",
    "two-layer-logistic",
    "two-neurons",
    "kkt-cover-cubic",
    "kkt-planar-arcs",
    "kkt-points-deep",
]
JUNK = [
    None,
    True,
    0,
    -1,
    10**9,
    10**30,
    "",
    "0",
    "-1",
    "1/0",
    "1*2^4000",
    "1*2^-4000",
    "1*2^99999",
    "1e999999",
    "x",
    "nan",
]
JUNK += [
    [],
    [[]],
    {},
    {"a": 1},
    ["2", "1"],
    [1, 2],
    "9" * 4200,
    "1/1" + "0" * 900,
    "dead",
    "inconclusive",
    "arc",
]


def places(value, path=()):
    """The paths of everything in a JSON value."""
    if path:
        yield path
    for key, entry in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(entry, (*path, key))


def damaged(content, rng):
    """One entry deleted, repeated or replaced by anything; those near the top as often as those in the
    depth.
    """
    found = [path for path in places(content) if path[0] in ("claim", "groups", "evidence", "grid")]
    path = rng.choice(found if rng.random() < 0.5 else [each for each in found if len(each) < 6])
    holder = content
    for key in path[:-1]:
        holder = holder[key]
    choice = rng.random()
    if choice < 0.2:
        del holder[path[-1]]
    elif choice < 0.3 and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[path[-1]]))
    else:
        holder[path[-1]] = copy.deepcopy(rng.choice(JUNK))


def answers(path):
    """The exit codes of all commands that read a certificate; fails if one of them stumbles."""
    commands = (
        ["show"],
        ["show", "--latex"],
        ["show", "--json"],
        ["problem"],
        ["query", "--delta", "1e-9"],
        ["check", "--time-limit", "5"],
    )
    for name, *options in commands:
        run = CliRunner().invoke(main, [name, str(path), *options])
        assert run.exception is None or isinstance(run.exception, SystemExit), (path, name)
        assert "Traceback" not in run.stderr and "could not be completed" not in run.output, (
            path,
            name,
            run.output,
        )
        assert run.exit_code in ((0, 1, 2) if name == "check" else (0, 2)), (path, name)
        if run.exit_code == 2 and name != "check":
            assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_certificate_never_makes_a_reader_stumble(name, tmp_path):
    rng = random.Random(name)
    for k in range(25):
        content = accepted(name)
        content["claim"].setdefault("problem_sha256", "")
        damaged(content, rng)
        content["claim"] = content.get("claim") if isinstance(content.get("claim"), dict) else {}
        path = tmp_path / f"{k}.json"
        path.write_bytes(sealed(content))
        answers(path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (
            "kkt-points-deep",
            lambda c: c["claim"]["points"][0]["centre"].__setitem__(0, {"alpha": "1/3", "power": 3}),
        ),
        ("kkt-planar", lambda c: c["claim"].update(n_max_upper="1e999999")),
        ("one-neuron", lambda c: c["groups"][0]["windows"][0].update(h="1*2^4000")),
        ("one-neuron", lambda c: c["groups"][0]["windows"][0]["steps"][0].__setitem__(0, "1*2^4000")),
        ("one-neuron", lambda c: c["claim"].update(epsilon="1*2^-4000")),
    ],
)
def test_damage_that_readers_stumbled_over(name, change, tmp_path):
    content, path = accepted(name), tmp_path / "damaged.json"
    change(content)
    path.write_bytes(sealed(content))
    answers(path)
