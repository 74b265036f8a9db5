"""Engines on other machines: which of them answer, and the tunnels to them."""
