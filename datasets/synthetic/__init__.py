"""Rendered scenes: data that anyone has, with masks and tracks, from a seed."""
