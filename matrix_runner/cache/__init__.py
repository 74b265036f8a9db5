"""Caching of finished cells: cache keys, look-up, delivery, history."""
