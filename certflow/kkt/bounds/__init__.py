"""Bounds of N and of its derivative over the whole sphere."""
