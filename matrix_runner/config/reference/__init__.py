"""What is made of the table of options: the reference and the JSON schema."""
