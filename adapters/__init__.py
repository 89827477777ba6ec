"""Methods and how they adapt. Knows datasets' clips, and nothing of the harness."""
