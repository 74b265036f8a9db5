"""The daemon by the Docker SDK; `sdk_client` alone imports it."""
