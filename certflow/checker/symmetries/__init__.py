"""What leaves N, the data or the start as they are, so that fewer directions or samples matter."""
