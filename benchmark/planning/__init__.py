"""From what a user typed to the cells to run: names, versions, protocols, budgets, grids."""
