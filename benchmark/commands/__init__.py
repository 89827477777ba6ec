"""The commands of `bench`, a file each: they read options, ask the rooms below, and print. Nothing is computed here."""
