"""Shards: a plan's cells, packed into CI jobs of about the same length that agree without speaking to each other."""
