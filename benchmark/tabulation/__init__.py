"""What cells say, set out as tables with captions, a question each. Nothing is run, read or printed here."""
