"""Permission for `before-all` to run: always in containers, on this machine only in CI or if allowed."""

from collections.abc import Mapping

from matrix_runner.config.loading.settings import Settings


def may_run(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Return whether `before-all` may run on this machine: in a container, in CI, elsewhere by permission."""
    from matrix_runner.config.options.run_options import ALLOW_HOST_COMMANDS
    from matrix_runner.engine.local.python_discovery import is_ci, is_inside_container

    return settings[ALLOW_HOST_COMMANDS] or is_inside_container(environ) or is_ci(environ)
