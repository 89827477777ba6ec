"""A method, a data set and a tuning for crossvad, in a package of their own."""
