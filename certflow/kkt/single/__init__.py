"""Single KKT points: found in floats, then proved."""
