"""Kinds of option values: parsing and validation from TOML and text, JSON Schema, writing."""
