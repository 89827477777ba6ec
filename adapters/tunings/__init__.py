"""How a fitted method adapts to a scene: by gradients, by statistics, or as meta-learned on the source."""
