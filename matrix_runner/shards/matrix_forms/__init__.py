"""The shards of a plan in the forms of CI systems, and as a document for programs. Pure."""
