"""Prepared images (snapshots after `before-all`): keys, sharing between cells, source updates, pruning."""
