"""Figures, a file each: the rows that are drawn, the picture, and its caption."""
