"""The rules about what becomes of a group: its start, its trap, and where it rests."""
