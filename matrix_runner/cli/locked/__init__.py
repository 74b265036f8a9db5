"""`runner lock`, and the plans of commands that are held to a lock."""
