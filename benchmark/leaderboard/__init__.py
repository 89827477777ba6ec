"""The leaderboard: accepted submissions as a static site, its figures with their uncertainty."""
