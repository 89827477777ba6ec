"""Results on disk: arrays and records of cells, written whole or not at all."""
