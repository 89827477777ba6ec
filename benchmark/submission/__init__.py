"""Submissions: cells, what made them and who answers for them, in one folder that anyone can check."""
