"""The build files of a directory (pyproject.toml, setup.py, ...), each read and parsed at most once."""

import codecs
from pathlib import Path
from typing import final

from matrix_runner.config.loading.toml_file import TomlText, Unreadable, parse_toml, read_file

PYPROJECT = "pyproject.toml"


@final
class BuildFiles:
    """The build files of one directory. Each file is opened only once, whoever reads it."""

    def __init__(self, directory: Path) -> None:
        """Read nothing yet."""
        self.directory = directory
        self._data: dict[str, bytes | Unreadable | None] = {}
        self._pyproject: TomlText | None = None

    def has(self, name: str) -> bool:
        """Whether an entry of that name exists, readable or not."""
        path = self.directory / name
        return path.exists() or path.is_symlink()

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, None if there is none. Raise Unreadable."""
        if name not in self._data:
            try:
                self._data[name] = read_file(self.directory / name, name)
            except Unreadable as error:
                self._data[name] = error
        found = self._data[name]
        if isinstance(found, Unreadable):
            raise found
        return found

    def text(self, name: str) -> str:
        """Return the text of a file, "" if it is missing or unreadable; invalid UTF-8 is replaced."""
        try:
            return (self.read(name) or b"").decode("utf-8", "replace")
        except Unreadable:
            return ""

    def pyproject(self) -> TomlText | None:
        """Return pyproject.toml, None if there is none. Raise Unreadable, also for a byte order mark.

        pip 26.1, build 1.5 and setuptools 81 read the file with `tomllib`, which refuses the mark: no cell would pass.
        """
        data = self.read(PYPROJECT)
        if data is not None and data.startswith(codecs.BOM_UTF8):
            problem = "begins with a byte order mark, which pip and build backends refuse: save it as UTF-8 without one"
            raise Unreadable(f"{PYPROJECT}: {problem}", problem=f"it {problem}")
        if data is not None and self._pyproject is None:
            self._pyproject = parse_toml(data, PYPROJECT)
        return self._pyproject
