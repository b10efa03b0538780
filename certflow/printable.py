"""Text that a terminal shows as it is: nothing in it moves the cursor, changes colours or reorders what is
read.
"""

from __future__ import annotations

import json
import re
from typing import Any


def printable(text: str, keep: str = "\n") -> str:
    """`text` with every character that is not for printing, except those of `keep`, as its escape (\\x1b,
    \\u202e).
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode("ascii") for c in text
    )


def json_text(record: Any, indent: int = 2) -> str:
    """The JSON text of a record without floats that are no numbers; all its characters are for printing."""
    text = json.dumps(record, indent=indent, ensure_ascii=False, allow_nan=False)
    return re.sub(
        r"[^\n -~]", lambda match: match[0] if match[0].isprintable() else json.dumps(match[0])[1:-1], text
    )
