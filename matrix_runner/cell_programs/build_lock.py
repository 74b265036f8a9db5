"""Resolves a group of requirements for one cell, for `runner lock`: installs it, and notes which files that took.

Its argument is a file (JSON) of what is asked. The group `build` is what the build requires, with what the backend asks
for besides; on the way a wheel is made that has the project's metadata and nothing else, for the group `test`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    from matrix_runner.cell_programs.build_environment import Environment, say
    from matrix_runner.cell_programs.build_frontend import Backend
    from matrix_runner.cell_programs.build_origins import Origins
    from matrix_runner.cell_programs.build_system import BuildSystem, Failed
    from matrix_runner.cell_programs.build_wish import Wish

    class Asked(TypedDict):
        """What is asked. `words`: of the frontend's command line. `installs`: the words of each installation.

        `products`: those whose hooks are asked. `kept`: versions that are to stay if that is possible. `constraints`:
        a file for the installer, or "". `answer`: the directory of the note.
        """

        group: str
        words: list[str]
        installs: list[list[str]]
        products: list[str]
        kept: list[str]
        constraints: str
        answer: str
        wants_metadata: bool


HERE = os.path.dirname(os.path.abspath(__file__))

if not TYPE_CHECKING:
    # Where an isolated Python (-I) does not look by itself.
    sys.path.insert(0, HERE)
    from build_environment import Environment, say
    from build_frontend import Backend
    from build_origins import Origins
    from build_system import BuildSystem, Failed
    from build_wish import Wish

STAND_IN = os.path.join(HERE, "stand-in")
"""The directory of the wheel with nothing but metadata."""

LONGEST_ANSWER = 600
"""Seconds that uv may take to tell hashes, for which it may have to download."""


class Resolution:
    """The resolution of one group."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.wish = Wish(asked["words"], HERE)
        self.environment = Environment(self.wish)
        self.is_by_uv = self.wish.installer == "uv"
        self.variables = dict(os.environ)

    def resolve(self) -> None:
        """Install the group, with the versions that are to stay if possible, and write the note. Raise Failed."""
        os.makedirs(self.asked["answer"], exist_ok=True)
        kept = os.path.join(self.asked["answer"], "kept.txt")
        with open(kept, "w", encoding="utf-8") as file:
            file.write("\n".join(self.asked["kept"]))
        if self.asked["kept"]:
            try:
                self._fill(kept)
            except Failed as error:
                say(f"* {error}: once more, without holding to the versions of before")
                self._fill("")
        else:
            self._fill("")
        self._note()
        if self.asked["wants_metadata"]:
            self._stand_in()
        self.environment.discard()

    def _fill(self, kept: str) -> None:
        os.environ.clear()
        os.environ.update(self.variables)
        self.environment.reports.clear()
        if self.asked["group"] == "build":
            self._fill_for_build(kept)
            return
        self.environment.create()
        for words in self.asked["installs"]:
            limits = [one for one in (kept, self.asked["constraints"]) if one]
            if self._install([*(word for one in limits for word in ("-c", one)), *words]) != 0:
                raise Failed(f"{self.wish.installer} could not install the requirements of {self.asked['group']}")

    def _fill_for_build(self, kept: str) -> None:
        if kept:
            # Of these the frontend's own installations hear; a path with blanks cannot be in such a list.
            for name in ("UV_BUILD_CONSTRAINT", "PIP_CONSTRAINT"):
                os.environ[name] = " ".join(filter(None, (os.environ.get(name), kept)))
        system = BuildSystem(self.wish.package)
        self.environment.create(system.requires)
        present = list(system.requires)
        for product in self.asked["products"]:
            self.wish.product = product
            more = Backend(self.wish, system, self.environment).build(asks=True, until="requires")
            added = [one for one in more if one not in present]
            self.environment.add(added, present)
            present += added

    def _install(self, words: list[str]) -> int:
        words = [self._stood_in_for(word) for word in words]
        if self.is_by_uv:
            command = ["uv", "pip", "install", "--python", self.environment.python, *words]
            return subprocess.call(command, env=self._of_uv())
        self.environment.reports.append(os.path.join(self.asked["answer"], f"report-{len(self.environment.reports)}"))
        command = [sys.executable, "-m", "pip", "--python", self.environment.python, "install", "--no-input"]
        report = f"--report={self.environment.reports[-1]}"
        return subprocess.call([*command, report, *words], env=dict(os.environ, PYTHONSAFEPATH="1"))

    def _of_uv(self) -> dict[str, str]:
        return dict(os.environ, UV_PROJECT=self.wish.aside, UV_NO_SOURCES="1", UV_NO_PROGRESS="1")

    def _stood_in_for(self, word: str) -> str:
        if not word.startswith("{wheel}"):
            return word
        (name,) = os.listdir(STAND_IN)
        return os.path.join(STAND_IN, name) + word[len("{wheel}") :]

    def _note(self) -> None:
        origins = Origins(self.environment.path, self.asked["answer"], self.environment.reports, LONGEST_ANSWER)
        # The project itself is in no index.
        own = {name.partition("-")[0] for name in os.listdir(STAND_IN)} if os.path.isdir(STAND_IN) else set()
        origins.packages = [one for one in origins.packages if one.name not in own]
        if self.is_by_uv:
            origins.ask_uv(self._of_uv(), is_offline=False)
        origins.write()

    def _stand_in(self) -> None:
        """Make the wheel that has the project's metadata and nothing else. Raise Failed."""
        self.wish.product, self.wish.out = "wheel", os.path.join(self.asked["answer"], "metadata")
        os.makedirs(self.wish.out, exist_ok=True)
        made = Backend(self.wish, BuildSystem(self.wish.package), self.environment).build(asks=False, until="metadata")
        metadata = _metadata(os.path.join(self.wish.out, str(made)))
        fields: dict[str, str] = {}
        for line in metadata.splitlines():
            name, colon, value = line.partition(":")
            if not colon:
                break
            fields.setdefault(name.lower(), value.strip())
        stem = f"{fields['name'].replace('-', '_').replace('.', '_')}-{fields['version'].replace('-', '_')}"
        os.makedirs(STAND_IN, exist_ok=True)
        wheel = "Wheel-Version: 1.0\nGenerator: matrix-runner\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        files = {f"{stem}.dist-info/METADATA": metadata, f"{stem}.dist-info/WHEEL": wheel}
        rows = [f"{name},{_digest(text)},{len(text.encode())}\n" for name, text in files.items()]
        with zipfile.ZipFile(os.path.join(STAND_IN, f"{stem}-py3-none-any.whl"), "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
            archive.writestr(f"{stem}.dist-info/RECORD", "".join(rows) + f"{stem}.dist-info/RECORD,,\n")


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _metadata(made: str) -> str:
    """Return the metadata in a directory that a backend has written, or in a wheel."""
    if os.path.isdir(made):
        with open(os.path.join(made, "METADATA"), encoding="utf-8") as file:
            return file.read()
    with zipfile.ZipFile(made) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        return archive.read(name).decode("utf-8")


def main() -> None:
    """Resolve; exit with 1 and a reason if that fails."""
    with open(sys.argv[1], encoding="utf-8") as file:
        asked: Asked = json.load(file)
    try:
        Resolution(asked).resolve()
    except Failed as error:
        say(f"ERROR {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
