"""The doctor's verdicts, as text for people and as a document for programs. Pure."""
