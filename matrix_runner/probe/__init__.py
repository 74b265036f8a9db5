"""Probes of images (interpreters, tools, C library), cached by image id."""
