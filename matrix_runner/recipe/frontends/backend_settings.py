"""What cells tell a build backend: a folder with a fixed name to build in, and its share of the processors. Pure.

Where nobody names one, scikit-build-core and meson-python build in a folder of random name. The name stays in debug
information, so that no two builds give the same bytes, and a compiler cache never finds again what was generated there
(measured: scikit-build-core 1.1.2, meson-python 0.22.1).
"""

from typing import Final

import msgspec

from matrix_runner.config.kinds.values import ConfigSettings
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import BUILD_FRONTEND, CONFIG_SETTINGS
from matrix_runner.project.build_backend import Backend, BuildBackend, names_jobs
from matrix_runner.recipe.layout import Layout

SCIKIT_FOLDER: Final = "SKBUILD_BUILD_DIR"
"""scikit-build-core's variable, which its plugin for hatchling reads too; it prevails over any other setting."""

MESON_FOLDER: Final = ".mesonpy-build"
"""In the package, where meson-python's own folder of random name would be: what it builds for other packages (uv hands
config settings on to all that a build requires) is not in the same place."""

_FOLDER_KEYS: Final = frozenset({"build-dir", "builddir", "skbuild.build-dir"})
_COMPILE: Final = "compile-args"


class BackendSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the backend of a cell is told. `processors`: the number that it may use at once."""

    backend: BuildBackend
    settings: Settings
    layout: Layout
    processors: int

    @property
    def variables(self) -> dict[str, str]:
        """The variables for the build; those that the user sets prevail."""
        if self.backend.kind is Backend.SCIKIT_BUILD_CORE and not self._names_folder:
            return {SCIKIT_FOLDER: self.layout.backend_folder}
        return {}

    @property
    def config_settings(self) -> ConfigSettings:
        """Further config settings, beside the user's.

        ninja itself reads no variable, only those that cmake and make start hear of `CMAKE_BUILD_PARALLEL_LEVEL`;
        meson-python starts it directly.
        """
        if self.backend.kind is not Backend.MESON_PYTHON:
            return ()
        folder = () if self._names_folder else (("build-dir", (MESON_FOLDER,)),)
        given = dict(self.settings[CONFIG_SETTINGS]).get(_COMPILE, ())
        is_decided = self.backend.names_jobs or names_jobs(given) or _COMPILE in self._arguments
        return folder if is_decided else (*folder, (_COMPILE, (f"-j{self.processors}",)))

    @property
    def _names_folder(self) -> bool:
        keys = {key for key, _ in self.settings[CONFIG_SETTINGS]}
        said = self._arguments
        return self.backend.names_folder or bool(keys & _FOLDER_KEYS) or any(key in said for key in _FOLDER_KEYS)

    @property
    def _arguments(self) -> str:
        """The frontend's further arguments, among which config settings may be."""
        return " ".join(self.settings[BUILD_FRONTEND].args)
