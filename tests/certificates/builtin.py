"""What is proved of the built-in problems with ε = 1/100, as recorded in builtin.toml.

    python tests/certificates/builtin.py            writes builtin.toml again
    python tests/certificates/builtin.py --bytes    prints the hashes of whole certificates, to compare two
      versions

Whoever writes it again says why something else is proved. Of a claim the enclosures of its KKT points are
left out: their last digits, like those of all evidence, are chosen in doubles and may differ between
machines. Two versions that are run on one machine write the same bytes, unless one of them chooses otherwise.
"""

import hashlib
import json
import sys
import tempfile
import tomllib
from pathlib import Path

from click.testing import CliRunner

import certflow
from certflow.cli.commands import main as command

FILE = Path(__file__).with_suffix(".toml")
EPSILON = "1/100"
QUICK = ("figure1", "l3-k20-s0", "l3-k20-s1", "l3-k20-s2")
SLOW = ("l3-k220-s0", "l3-k220-s1", "l3-k220-s2", "l7-k32")


def certificate(name: str) -> str:
    """The accepted certificate of a built-in problem."""
    text: str = certflow.certify(certflow.Problem.builtin(name), EPSILON).certificate
    return text


def list_certificate(name: str) -> str:
    """The accepted certificate of the KKT points of a built-in problem: every number in it is exact or proved
    by exact means.
    """
    with tempfile.TemporaryDirectory() as folder:
        problem, path = Path(folder) / "problem.toml", Path(folder) / "certificate.json"
        problem.write_text(CliRunner().invoke(command, ["init", name]).stdout, encoding="utf-8")
        CliRunner().invoke(command, ["kkt", str(problem), "--quiet", "--certificate", str(path)])
        return path.read_text(encoding="ascii")


def summary(name: str) -> dict[str, str]:
    """What is recorded of a problem."""
    claim = json.loads(certificate(name))["claim"]
    for block in claim["blocks"]:
        block["kkt_point"] = None
    found = {"delta_bar": claim["delta_bar"], "claim": _hash(json.dumps(claim, sort_keys=True))}
    return found | ({"kkt_points": _hash(list_certificate(name))} if name in QUICK else {})


def recorded() -> dict[str, dict[str, str]]:
    """The tables of builtin.toml."""
    return tomllib.loads(FILE.read_text(encoding="ascii"))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def main() -> None:
    if sys.argv[1:] == ["--bytes"]:
        for name in (*QUICK, *SLOW):
            print(name, _hash(certificate(name)), flush=True)
        return
    lines = ["# What is proved of the built-in problems; see builtin.py."]
    for name in (*QUICK, *SLOW):
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in summary(name).items())]
    FILE.write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
