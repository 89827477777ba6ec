"""Parts that methods share: networks, memories, attention, losses."""
