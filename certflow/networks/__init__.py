"""Networks without biases: one definition each, evaluated in every arithmetic."""
