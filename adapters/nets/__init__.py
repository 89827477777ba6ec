"""Parts that several methods share: networks, attention, prototypes, memories, losses."""
