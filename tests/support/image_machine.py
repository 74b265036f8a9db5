"""A machine for making images on: its programs are a function, and nothing is downloaded."""

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from matrix_runner.errors import MachineError

Answer = Callable[[tuple[str, ...], str | None], str]
"""What a program prints, given its argv and working directory; it may leave files there."""


class FakeMachine:
    """`image.host.Host`. `commands`: every argv, in order."""

    def __init__(self, answer: Answer, lacks: tuple[str, ...] = ()) -> None:
        self.answer = answer
        self.lacks = lacks
        self.commands: list[tuple[str, ...]] = []

    def has(self, program: str) -> bool:
        """All are there but those it lacks."""
        return program not in self.lacks

    def run(self, argv: tuple[str, ...], *, timeout: float, cwd: str | None = None) -> str:
        """Answer as the function says."""
        assert timeout > 0
        self.commands.append(argv)
        return self.answer(argv, cwd)

    def abort(self) -> None:
        """Nothing runs."""


def saying(text: str) -> FakeMachine:
    """Make a machine whose programs all print this and do nothing."""
    return FakeMachine(lambda _argv, _cwd: text)


def announced(name: str, content: bytes) -> str:
    """Return the line by which apt announces a file of a source package."""
    digest = hashlib.sha256(content).hexdigest()
    return f"'http://mirror.example/debian/pool/main/p/{name}' {name} {len(content)} SHA256:{digest}\n"


def serving(files: dict[str, bytes]) -> FakeMachine:
    """Make a machine whose apt-get downloads these files, and whose mmdebstrap makes an empty root filesystem."""

    def answer(argv: tuple[str, ...], cwd: str | None) -> str:
        if argv[0] == "mmdebstrap":
            tarfile.open(argv[-2], "w").close()
        if "--print-uris" in argv:
            package = argv[-1].partition("/")[0]
            return "".join(announced(name, content) for name, content in files.items() if name.startswith(package))
        if "source" in argv and cwd is not None:
            for name, content in files.items():
                (Path(cwd) / name).write_bytes(content)
        if "download-file" in argv:
            address, target = argv[argv.index("download-file") + 1 :][:2]
            content = files.get(unquote(address.rpartition("/")[2]), b"")
            if not content:
                raise MachineError(f"{address}: 404 Not Found")
            Path(target).write_bytes(content)
        return ""

    return FakeMachine(answer)
