"""The rules about curves, regions and tubes around the limit flow, which several statements share."""
