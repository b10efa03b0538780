"""Proposals in floats, centres and traps: they may be wrong and prove nothing."""
