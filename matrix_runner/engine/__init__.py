"""Engines (Docker, Podman, this machine, a fake): the contract in `api`, one suite of tests for all."""
