"""To which KKT points the limit flow leads from the initial direction (L6.28)."""
