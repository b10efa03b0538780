"""What claims are measured against: networks, flows and KKT points written from the definitions alone.

Nothing here but `trial`, which asks the questions, imports certflow. Problems come as the exact record that
certificates hold, claims as their JSON. All numbers are extended doubles (64 bits of mantissa, exponents up
to 4932), so that data of any size need no units.
"""
