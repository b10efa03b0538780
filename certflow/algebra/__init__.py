"""Exact algebra that knows no network: cones and real roots."""
