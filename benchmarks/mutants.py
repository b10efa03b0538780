"""Mutation testing of the code that is trusted: which changes of one expression do the tests not notice?

    python -m pip install -e ".[test,mutation]" python benchmarks/mutants.py checker --sample 1500 --seed 1
    python benchmarks/mutants.py prover --sample 1000 --seed 1 python benchmarks/mutants.py checker --files
    'certflow/checker/early_direction/claim.py' --folder /some/folder python benchmarks/mutants.py checker
    --folder /some/folder --survivors

mutmut makes the mutants and runs, for each, the tests that enter the mutated function (shortest first).
mutants.toml says what is mutated and by which tests it must be noticed; mutants_equivalent.toml lists the
mutants that no test can notice, with the reason. Everything happens in a copy of the project; with --folder
the copy stays, and --survivors tries those again that were not noticed there before. Exit code 0 if the share
of the target is reached, else 1.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SURVIVED, NO_TESTS = 0, 33
UNUSED = shutil.ignore_patterns(
    ".git", "build", "*.egg-info", ".*_cache", "__pycache__", ".hypothesis", "mutants"
)

SHORTEST_FIRST = '''"""Runs the shortest tests first: a mutant is noticed as soon as one test fails."""

import json
from pathlib import Path

STATS = Path(__file__).parent / "mutmut-stats.json"


def pytest_collection_modifyitems(items):
    seconds = json.loads(STATS.read_text())["duration_by_test"] if STATS.exists() else {}
    items.sort(key=lambda item: seconds.get(item.nodeid, 0.0))
'''


@dataclass(frozen=True)
class Mutant:
    """One change: its name, the function without the file, and the lines before and after."""

    name: str
    function: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.name}\n    - {self.old}\n    + {self.new}"


def main() -> int:
    """Mutates the target's groups one after the other and reports; see the module's text."""
    targets = tomllib.loads((HERE / "mutants.toml").read_text())
    parser = argparse.ArgumentParser(description="Mutation testing of trusted code.")
    parser.add_argument("target", choices=sorted(targets))
    parser.add_argument(
        "--sample", type=int, help="try this many mutants, chosen at random over all files (default: all)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", default="*", help="only files that match this pattern")
    parser.add_argument("--folder", type=Path, help="keep the copies and the results here")
    parser.add_argument(
        "--survivors", action="store_true", help="only those that were tried in --folder and not noticed"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    target = targets[options.target]
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        rooms = []
        for k, group in enumerate(target["groups"]):
            files = [file for file in group["files"] if fnmatch.fnmatch(file, options.files)]
            if files:
                rooms.append(folder / f"{options.target}-{k}")
                _make(rooms[-1], files, {**target, **group})
        _try(rooms, options)
        return _report(rooms, target["killed"])


def _make(room: Path, files: list[str], group: dict[str, Any]) -> None:
    """A copy of the project in which mutmut has made all mutants of the files and timed the group's tests."""
    shutil.copytree(HERE.parent, room, ignore=UNUSED, dirs_exist_ok=True)
    (room / "mutants").mkdir(exist_ok=True)
    (room / "shortest_first.py").write_text(SHORTEST_FIRST)
    tests = [str(path.relative_to(room)) for pattern in group["tests"] for path in sorted(room.glob(pattern))]
    chosen = ["-k", " and ".join(f"not {word}" for word in group["without"])] if group["without"] else []
    # What a failed test would say is not read, and takes far longer than the test.
    plain = [
        "-n",
        "0",
        "--assert=plain",
        "--tb=no",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:links_entered",
        "-p",
        "shortest_first",
    ]
    settings = {
        "source_paths": ["certflow"],
        "only_mutate": files,
        "also_copy": [
            path.name for path in room.iterdir() if path.name not in ("mutants", "certflow", "tests")
        ],
        "track_dependencies": False,
        # Far more than all tests need: a mutant that is stopped here counts as noticed.
        "timeout_multiplier": 4.0,
        "timeout_constant": 20.0,
        "pytest_add_cli_args_test_selection": tests,
        "pytest_add_cli_args": plain + chosen,
    }
    table = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    (room / "pyproject.toml").write_text(
        f"{(HERE.parent / 'pyproject.toml').read_text()}\n[tool.mutmut]\n{table}"
    )
    # mutmut makes the mutants and times the tests before it looks for the names that it is asked for.
    _mutmut(room, "run", "no-such-mutant", quiet=True)
    if not (room / "mutants" / "mutmut-stats.json").exists():
        raise SystemExit(f"mutants: the tests do not pass without a mutant: see `cd {room} && mutmut run`")


def _mutmut(room: Path, *words: str, quiet: bool = False) -> str:
    environment = {**os.environ, "CI": "1", "PYTHONPATH": str(room / "mutants")}
    output = subprocess.PIPE if quiet else None
    run = subprocess.run(
        [sys.executable, "-m", "mutmut", *words],
        cwd=room,
        env=environment,
        stdout=output,
        stderr=output,
        text=True,
    )
    return run.stdout or ""


def _results(room: Path) -> dict[str, int | None]:
    """The exit code of the tests for every mutant of the room; None for those not tried."""
    metas = sorted((room / "mutants").rglob("*.meta"))
    return {
        name: code
        for path in metas
        for name, code in json.loads(path.read_text())["exit_code_by_key"].items()
    }


def _try(rooms: list[Path], options: argparse.Namespace) -> None:
    """Runs the tests for the chosen mutants of all rooms."""
    results = {(room, name): code for room in rooms for name, code in _results(room).items()}
    if options.survivors:
        chosen = [key for key, code in results.items() if code in (SURVIVED, NO_TESTS)]
    else:
        chosen = sorted(results)
        if options.sample is not None and options.sample < len(chosen):
            chosen = random.Random(options.seed).sample(chosen, options.sample)
    for room in rooms:
        entered = set(
            json.loads((room / "mutants" / "mutmut-stats.json").read_text())["tests_by_mangled_function_name"]
        )
        names = sorted(name for place, name in chosen if place == room)
        alone = [name for name in names if name.rsplit("__mutmut_", 1)[0] not in entered]
        kept = (
            {name for (place, name), code in results.items() if place == room and code is not None}
            if options.survivors
            else set()
        )
        _forget(room, kept - set(names), set(alone))
        tried = [name for name in names if name not in set(alone)]
        if tried:
            _mutmut(room, "run", "--max-children", str(options.jobs), *tried)


def _forget(room: Path, kept: set[str], alone: set[str]) -> None:
    """Forgets earlier results but the kept ones, and marks the mutants of functions that no test enters."""
    for path in (room / "mutants").rglob("*.meta"):
        meta = json.loads(path.read_text())
        codes = meta["exit_code_by_key"]
        meta["exit_code_by_key"] = {
            name: NO_TESTS if name in alone else (code if name in kept else None)
            for name, code in codes.items()
        }
        path.write_text(json.dumps(meta))


def _mutant(room: Path, name: str) -> Mutant:
    lines = _mutmut(room, "show", name, quiet=True).splitlines()
    old = " ".join(line[1:].strip() for line in lines if line.startswith("-") and not line.startswith("---"))
    new = " ".join(line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++"))
    words = name.rsplit("__mutmut_", 1)[0].rpartition(".")[2]
    function = words.removeprefix("xǁ").replace("ǁ", ".") if "ǁ" in words else words.removeprefix("x_")
    return Mutant(name, function, old, new)


def _reason(mutant: Mutant, known: dict[str, Any]) -> str | None:
    """Why no test can notice the mutant, where that is known."""
    for rule in known.get("rule", ()):
        if re.sub(rule["without"], "", mutant.old) == re.sub(rule["without"], "", mutant.new):
            return str(rule["reason"])
    for entry in known.get("survivor", ()):
        if (entry["function"], entry["old"], entry["new"]) == (mutant.function, mutant.old, mutant.new):
            return str(entry["reason"])
    return None


def _report(rooms: list[Path], target: float) -> int:
    known = tomllib.loads((HERE / "mutants_equivalent.toml").read_text())
    tried = noticed = equivalent = 0
    unexplained = []
    for room in rooms:
        for name, code in sorted(_results(room).items()):
            if code is None:
                continue
            tried += 1
            if code not in (SURVIVED, NO_TESTS):
                noticed += 1
                continue
            mutant = _mutant(room, name)
            if _reason(mutant, known) is None:
                unexplained.append(f"{mutant}{'    (no test enters it)' if code == NO_TESTS else ''}")
            else:
                equivalent += 1
    print("\n".join(unexplained))
    share = noticed / max(1, tried - equivalent)
    print(
        f"{tried} mutants: {noticed} noticed ({noticed / max(1, tried):.2%} of all), {equivalent} that no "
        f"test can notice, {len(unexplained)} others: {share:.2%} of those that can be noticed, {target:.0%} "
        f"asked"
    )
    return 0 if share >= target else 1


if __name__ == "__main__":
    sys.exit(main())
