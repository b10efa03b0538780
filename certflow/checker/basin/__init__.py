"""The statement to which KKT points the limit flow leads."""
