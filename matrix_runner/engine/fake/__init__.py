"""An engine without containers, for tests of everything above engines."""
