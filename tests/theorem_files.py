"""What commands, records and pages ask of the files in the folder of a theorem, as its registry says."""

from importlib import import_module
from importlib.util import find_spec

from certflow.theorems.registry import FOLDERS

ALWAYS = {"prove": ("certify",), "claim": ("Claim",), "certificate": ("certificate",)}
IF_THERE = {
    "words": ("paragraph", "table", "points", "answer_tables"),
    "paper": ("latex",),
    "query": ("query",),
    "limits": ("limits",),
    "trade_off": ("compromises",),
}


def asked_of(statement: str) -> list[tuple[str, str]]:
    """The modules and names that a theorem is asked for."""
    folder = FOLDERS[statement]
    parts = ALWAYS | {
        part: names for part, names in IF_THERE.items() if find_spec(f"{folder}.{part}") is not None
    }
    found = [(f"{folder}.{part}", name) for part, names in parts.items() for name in names]
    return found + [(f"{folder}.prove", "weaker")] * hasattr(import_module(f"{folder}.prove"), "weaker")
