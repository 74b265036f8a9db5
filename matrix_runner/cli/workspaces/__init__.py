"""Commands on the packages of a workspace: which are meant, and the one plan for all of them."""
