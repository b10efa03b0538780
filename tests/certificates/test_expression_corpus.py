"""Certificates of expressions, and their attacks: other texts, texts that are none, and other outcomes."""

import sys
from pathlib import Path

import pytest

from certflow.checker import check_text

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
try:
    from attacks import accepted, sealed
    from expression_attacks import ATTACKS, FORMS, KINK, OTHER_LIFTS, REST
    from verdicts import recorded, words
finally:
    sys.path.remove(str(FOLDER))

RECORDED = recorded()


@pytest.mark.parametrize(
    ("name", "attack"), [(name, attack) for name, own in ATTACKS.items() for attack in sorted(own)]
)
def test_attacks_on_expressions_are_refused(name, attack):
    content = accepted(name)
    ATTACKS[name][attack](content)
    assert content != accepted(name)
    verdict = check_text(sealed(content))
    assert verdict.verdict == "refused" and words(verdict) == RECORDED[f"attacks on {name}", attack]


@pytest.mark.parametrize("form", sorted(FORMS))
def test_what_is_no_expression_is_malformed(form):
    content = accepted("expression-neurons")
    FORMS[form](content)
    verdict = check_text(sealed(content))
    assert verdict.verdict == "malformed" and words(verdict) == RECORDED["expressions", form]


@pytest.mark.parametrize("form", sorted(OTHER_LIFTS))
def test_lifts_of_an_expression_have_one_form(form):
    content = accepted("continuum-expression")
    OTHER_LIFTS[form](content)
    verdict = check_text(sealed(content))
    assert verdict.verdict == "malformed" and words(verdict) == RECORDED["lifts of expressions", form]


@pytest.mark.parametrize(
    "output",
    [
        KINK + REST,
        REST.removeprefix(" + ") + " + " + KINK,
        "x1*x1*min(0, x2*u2 + u1*x1)**2" + REST,
        "(3*max(-(u1*x1 + u2*x2)/3, 0))**2*x1**2" + REST,
        KINK + " - 1/2*abs(v1*x1 + v2*x2)**2 + (max(0, 2*(v1*x1 + v2*x2))/2)**2",
        "(" * 59 + KINK + ")" * 59 + REST,
    ],
)
def test_the_same_function_in_other_words_is_accepted(output):
    content = accepted("expression-neurons")
    content["problem"]["network"]["output"] = output
    assert check_text(sealed(content)).verdict == "accepted"


def test_names_do_not_matter():
    content = accepted("expression-neurons")
    network = content["problem"]["network"]
    for old, new in (("u", "_Weight_"), ("v", "exp"), ("x", "e1e")):
        network["output"] = network["output"].replace(old, new)
        for key in ("weights", "inputs"):
            network[key] = [name.replace(old, new) for name in network[key]]
    # min and max keep their names.
    network["output"] = network["output"].replace("mae1e", "max")
    assert check_text(sealed(content)).verdict == "accepted"


@pytest.mark.parametrize("statement", ["kkt-points", "basin", "time-near-origin", "branches"])
def test_only_the_early_direction_is_stated_of_expressions(statement):
    content = accepted("expression-neurons")
    content["claim"]["statement"] = statement
    assert check_text(sealed(content)).verdict == "malformed"
