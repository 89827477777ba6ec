"""Everything people look at: tables."""
