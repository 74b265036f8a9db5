"""Libraries and programs of the system that a build looks for, by the words of its files."""
