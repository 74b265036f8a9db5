"""A project as its own files tell it, for `runner init`: code, libraries, tests, other tools. Reads, never runs."""
