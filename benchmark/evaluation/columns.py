"""What the columns of tidy rows are called. Imports nothing heavy, so that commands can complete them at once."""

KEYS = ["method", "source", "target", "protocol", "support", "tuning", "shots", "steps", "seed", "budget"]
LOCATED = ("rbdc", "tbdc")  # metrics of where: of cells that kept maps, and only when asked for, as they take seconds
METRICS = ["auc", "auc_low", "auc_high", "macro_auc", "ap", "eer", *LOCATED, "paper_auc", "delay"]  # %; delay: frames
