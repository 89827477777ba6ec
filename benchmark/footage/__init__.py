"""A user's own videos: adapted to and scored as they stream by, and what is written of them."""
