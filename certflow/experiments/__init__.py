"""The main job and the papers' figures, one module per experiment."""
