"""What is proved, one theorem per module."""
