"""The statement that the limit flow from a direction has more than one solution."""
