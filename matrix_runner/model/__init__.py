"""The frozen values that every room speaks in."""
