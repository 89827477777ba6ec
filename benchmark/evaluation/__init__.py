"""Pure functions over stored scores: metrics, score post-processing, intervals."""
