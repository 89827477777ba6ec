"""What the keys of tidy rows are called. Imports nothing heavy, so that commands can complete them at once."""

KEYS = ["method", "source", "target", "protocol", "support", "tuning", "shots", "steps", "seed", "budget"]
