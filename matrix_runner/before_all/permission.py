"""Permission for `before-all` to run: always in containers, on this machine only in CI or if allowed."""

from collections.abc import Mapping

from matrix_runner.config.loading.settings import Settings


def may_run(settings: Settings, environ: Mapping[str, str], *, is_local: bool) -> bool:
    """Return whether `before-all` may run on the engine: in containers, on CI machines, elsewhere by permission.

    `is_local`: whether this machine itself is the engine.
    """
    if not is_local:
        return True
    from matrix_runner.config.options.run_options import ALLOW_HOST_COMMANDS
    from matrix_runner.engine.local.python_discovery import is_ci, is_inside_container

    return settings[ALLOW_HOST_COMMANDS] or is_inside_container(environ) or is_ci(environ)
