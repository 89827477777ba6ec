"""Frames in: datasets, their readers and the decode-once cache. Knows nothing of methods or of the harness."""
