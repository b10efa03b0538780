"""The KKT points of one neuron, exactly: on the circle, piecewise linear or quadratic, and lifted to two
layers.
"""
