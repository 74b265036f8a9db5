"""A cell's container: what it is opened from, those that are open already, and one that is kept for a person."""
