"""The one table of options, a module a chapter. `matrix_runner.config.options` puts it together."""
