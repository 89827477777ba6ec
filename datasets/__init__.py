"""Frames in: data sets, readers and clips. Knows no method and nothing of the harness."""
