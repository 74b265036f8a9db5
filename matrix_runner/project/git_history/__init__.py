"""The project's history for the cells: small repositories, made of the checkouts in the project by git itself."""
