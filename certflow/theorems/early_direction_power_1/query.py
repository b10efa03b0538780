"""What the theorem for power 1 says about one delta: the same as that of the early direction, whose fields it
has.
"""

from certflow.theorems.early_direction.query import query

__all__ = ["query"]
