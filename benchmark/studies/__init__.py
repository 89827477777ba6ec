"""Questions that are asked of many cells: ablations, audits of the field, checkpoints, published figures."""
