"""The KKT points of networks whose inputs lie on one line."""
