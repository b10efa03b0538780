"""The statement that a list holds all KKT points."""
