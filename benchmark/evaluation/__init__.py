"""From raw scores to numbers: pure functions for the mathematics, tidy rows for the rest."""
