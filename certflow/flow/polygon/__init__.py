"""Limit flows of neurons of power 1: exact polygons, and what is decided on them before any delta."""
