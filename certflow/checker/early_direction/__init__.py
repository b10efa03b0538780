"""The statements about the early direction: for one start, and for a whole basin of starts."""
