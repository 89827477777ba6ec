"""One training by several processes of this machine, each with a device and its share of every batch: `--devices N`."""
