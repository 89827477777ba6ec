"""What the keys of tidy rows are called. Imports nothing heavy, so that commands can complete them at once."""

KEYS = ["method", "source", "target", "protocol", "support", "tuning", "shots", "steps", "seed", "budget"]
# What the names in a cell stood for when it was run. The newest are shown, unless a condition names others.
VERSIONS = ["method_version", "tuning_version", "source_digest", "target_digest", "budget_digest", "harness_version"]
PLACE = "place"  # where a cell lies
PLACES = ("runs", "reference")  # one's own, and those that are committed beside the tables made of them
PAIR = "pair"  # source and target together, by which conditions ask for some pairs of a matrix
CONDITIONS = [*KEYS, PAIR, *VERSIONS, PLACE]  # keys that a condition may name
