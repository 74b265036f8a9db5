"""The daemon by the Docker SDK. `sdk_client` alone imports it, and outside this folder nobody knows of it."""
