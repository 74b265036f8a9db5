"""Reading of ELF files that are not trusted: headers, dynamic segment, symbols and their versions, notes."""
