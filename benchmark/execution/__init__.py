"""Runs cells: decode, fit, adapt, score, store. No metric is computed here, and no label seen by a method."""
