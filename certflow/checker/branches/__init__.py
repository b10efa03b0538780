"""Checks certificates of the statement "branches": a limit flow of power 1 with two solutions."""
