"""The statement "branches" in words."""

from __future__ import annotations

from typing import Any

from ..words import Say


def sentences(claim: dict[str, Any], problem: dict[str, Any], say: Say) -> list[str]:
    """The claim in words."""
    return [
        "From the given direction the limit flow u' in dN(u), which is what is left as delta tends to 0, has "
        "more than one solution.",
        *(f"Block {block['index'] + 1}: {block['reason']}." for block in claim["blocks"]),
    ]
