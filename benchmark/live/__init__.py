"""A user's own cameras, watched as they run: adapted to, given an alarm line, and scored for as long as they last."""
