"""What the checker says, word for word, about every certificate of the corpora: why it does not accept it
(verdicts.toml), or the problem and the claim that it prints (sentences.toml).

    python tests/certificates/verdicts.py

writes both files again. Whoever changes what the checker says reads the lines that have changed: they are
what a user sees.
"""

import json
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import attacks
import continuum_attacks
import expression_attacks
import fades_attacks
import kkt_attacks
import malformations
import orbit_attacks
import outcome_attacks
import power_1_attacks
import silent_attacks
import smaller_attacks
import within_attacks
from attacks import accepted, sealed

from certflow.checker import Verdict, check_text
from certflow.checker.registry import sentences
from certflow.checker.words import Say, described

FOLDER = Path(__file__).parent
FILE, SENTENCES = FOLDER / "verdicts.toml", FOLDER / "sentences.toml"


def words(verdict: Verdict) -> str:
    """The verdict as the checker prints it."""
    return f"{verdict.verdict} ({verdict.rule}, {verdict.where}): {verdict.reason}"


def _changed(name: str, change: Callable[[attacks.Content], object]) -> bytes:
    content = accepted(name)
    change(content)
    return sealed(content)


def _in_units(units: Callable[[attacks.Content], object]) -> bytes:
    return _changed("scaled-given-layers", lambda content: content.update(units=units(content["units"])))


def printed(path: Path) -> dict[str, list[str]]:
    """What the checker prints about an accepted certificate: its problem, its claim, and both exactly."""
    content = json.loads(path.read_bytes())
    claim, problem = content["claim"], content["problem"]
    exact = described(problem, Say(True)) + sentences(claim, problem, Say(True))
    return {"problem": described(problem, Say()), "claim": sentences(claim, problem), "exact": exact}


def _cases() -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    for folder in ("reject", "malformed"):
        yield from ((folder, path.stem, path.read_bytes) for path in (FOLDER / folder).glob("*"))
    for name in ("one-neuron", "two-layer-logistic"):
        yield from (
            (f"attacks on {name}", key, partial(_changed, name, change))
            for key, change in attacks.ATTACKS.items()
        )
    more = (
        outcome_attacks.ATTACKS
        | smaller_attacks.ATTACKS
        | kkt_attacks.ATTACKS
        | power_1_attacks.ATTACKS
        | fades_attacks.ATTACKS
        | continuum_attacks.ATTACKS
        | within_attacks.ATTACKS
        | silent_attacks.ATTACKS
        | orbit_attacks.ATTACKS
        | expression_attacks.ATTACKS
    )
    for name, changes in more.items():
        yield from (
            (f"attacks on {name}", key, partial(_changed, name, change)) for key, change in changes.items()
        )
    yield from (("texts", key, partial(bytes, data)) for key, data in malformations.TEXTS.items())
    yield from (
        ("inside", key, partial(_changed, "one-neuron", change))
        for key, change in malformations.INSIDE.items()
    )
    yield from (
        ("lists", key, partial(_changed, "kkt-cover", change)) for key, change in malformations.LISTS.items()
    )
    yield from (
        ("expressions", key, partial(_changed, "expression-neurons", change))
        for key, change in expression_attacks.FORMS.items()
    )
    yield from (
        ("lifts of expressions", key, partial(_changed, "continuum-expression", change))
        for key, change in expression_attacks.OTHER_LIFTS.items()
    )
    yield from (("units", key, partial(_in_units, units)) for key, units in malformations.UNITS.items())


CASES = {(section, name): data for section, name, data in sorted(_cases(), key=lambda case: case[:2])}
"""(Section of verdicts.toml, name) -> what makes the bytes of the file."""


def recorded() -> dict[tuple[str, str], str]:
    """The lines of verdicts.toml."""
    table = tomllib.loads(FILE.read_text(encoding="ascii"))
    return {(section, name): line for section, lines in table.items() for name, line in lines.items()}


def recorded_sentences() -> dict[str, dict[str, list[str]]]:
    """The lists of sentences.toml, three for each accepted certificate."""
    return tomllib.loads(SENTENCES.read_text(encoding="ascii"))


def main() -> None:
    lines = ["# What the checker says about damaged certificates; see verdicts.py."]
    last = None
    for (section, name), data in CASES.items():
        if section != last:
            lines += ["", f"[{json.dumps(section)}]"]
        lines.append(f"{json.dumps(name)} = {json.dumps(words(check_text(data())))}")
        last = section
    FILE.write_text("\n".join(lines) + "\n", encoding="ascii")
    lines = ["# What the checker prints about the accepted certificates; see verdicts.py."]
    for path in sorted((FOLDER / "accept").glob("*"), key=lambda path: path.stem):
        lines += ["", f"[{json.dumps(path.stem)}]"]
        for key, each in printed(path).items():
            lines += [f"{key} = [", *(f"  {json.dumps(line)}," for line in each), "]"]
    SENTENCES.write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
