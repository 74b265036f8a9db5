"""Docker and Podman, by Docker's API. `sdk` alone imports the SDK."""
