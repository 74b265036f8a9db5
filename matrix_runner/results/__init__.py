"""Results of a project's own tests, as JUnit files tell them: read without trust, counted, written again. Pure."""
