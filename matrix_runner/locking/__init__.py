"""The lock: which images and requirements cells are built with, kept in a file, and held against project and plan."""
