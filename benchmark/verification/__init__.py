"""Is what we hold true? Stored cells, published pages, and methods held to their contract."""
