"""What kinds of planted anomalies are called. Imports nothing heavy, so that tables of them can do without."""

KIND_NAMES = ("hurried", "reversed", "stopped", "foreign", "texture")  # of those that people are put in by
SQUARE = "square"  # a part of the frame plays faster: kept to be compared with
ALL_KINDS = (*KIND_NAMES, SQUARE)
