"""Provenance of wheels: statements of what each was built from and how (in-toto, SLSA), and their check."""
