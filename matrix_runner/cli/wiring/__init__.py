"""Parts that several commands are wired from: the project they work on, its directories, flags, and caches."""
