"""Published data sets: their layouts, official labels, and what is wrong with a copy of them."""
