"""Where commands run: Docker, this machine itself, or a fake. `api` has the contract; one suite holds all to it."""
