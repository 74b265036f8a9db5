"""The command `runner watch`: its loop, and what a person sees of it."""
