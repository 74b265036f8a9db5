"""Finished cells, kept from run to run: what each was made of, its wheel and its log."""
