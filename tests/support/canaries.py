"""Random words put where secrets come from, and a search for them, in every spelling, in all that a run leaves."""

import base64
import gzip
import io
import json
import secrets
import subprocess
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """A word that is nowhere else in the world. `source`: where it is put."""

    source: str
    word: str = field(default_factory=lambda: f"{secrets.token_hex(9)}%' {secrets.token_hex(9)}")

    @classmethod
    def plain(cls, source: str) -> "Canary":
        """Return one that fits into a URL as it is."""
        return cls(source=source, word=secrets.token_hex(18))

    @property
    def needles(self) -> tuple[bytes, ...]:
        """What betrays it: either half, as it is (no spelling changes its letters and digits), and in base64.

        Of base64 the characters that are its own alone, wherever it begins in a group of three bytes.
        """
        raw = self.word.encode()
        halves = (raw[:18], raw[-18:])
        encoded = (base64.b64encode(bytes(before) + raw)[4:-4] for before in range(3))
        return (*halves, *encoded, *(base64.urlsafe_b64encode(bytes(before) + raw)[4:-4] for before in range(3)))


TELL = """
import base64, json, os, shlex, sys, time
try:
    from urllib.parse import quote
except ImportError:
    from urllib import quote
print(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "marker")).read())
for name in NAMES:
    value = os.environ.get(name, "")
    raw = value.encode()
    words = [value, quote(value, safe=""), quote(value).lower(), json.dumps(value), repr(value)]
    around = [(before, after) for before in range(3) for after in range(3)]
    words += [base64.b64encode(b"x" * before + raw + b"y" * after).decode() for before, after in around]
    words += [base64.urlsafe_b64encode(raw).decode().rstrip("="), base64.b64encode(raw + b"\\n").decode()]
    print("told " + name + " " + " | ".join(words))
    for at in (1, len(value) // 2, len(value) - 1):
        sys.stdout.write("cut " + value[:at]); sys.stdout.flush(); time.sleep(0.03)
        sys.stdout.write(value[at:] + "\\n"); sys.stdout.flush()
"""
"""A script that prints variables in many ways, also cut in two with a pause. `NAMES` is to be set before it."""


@dataclass(kw_only=True, slots=True)
class Search:
    """A search of places for canaries. `places`: how many of each kind were searched; `found`: which were where."""

    canaries: tuple[Canary, ...]
    places: Counter[str] = field(default_factory=Counter)
    size: int = 0
    found: set[tuple[str, str, str]] = field(default_factory=set)

    def look(self, kind: str, name: str, data: bytes) -> None:
        """Search one place, and what is packed in it: members of archives, also compressed ones."""
        self.places[kind] += 1
        self.size += len(data)
        for canary in self.canaries:
            if any(needle in data for needle in canary.needles):
                self.found.add((kind, canary.source, name))
        for member, content in _unpacked(data):
            self.look(kind, f"{name}!{member}", content)

    def look_below(self, kind: str, directory: Path) -> None:
        """Search all files below a directory, and their names."""
        for path in sorted(directory.rglob("*")):
            self.look(kind, f"name of {path}", str(path).encode())
            if path.is_file() and not path.is_symlink():
                self.look(kind, str(path), path.read_bytes())

    def look_at_volume(self, name: str, image: str) -> None:
        """Search a volume of Docker's."""
        argv = ("docker", "run", "--rm", "--volume", f"{name}:/v:ro", image, "tar", "-cf", "-", "-C", "/", "v")
        self.look("volume", name, subprocess.run(argv, check=True, capture_output=True).stdout)

    def look_at_image(self, kind: str, name: str, base: str) -> None:
        """Search an image: its configuration, its history, and each layer that is not its base's."""
        known = set(_layers_of(base))
        with tarfile.open(fileobj=io.BytesIO(_run("docker", "save", name))) as saved:
            contents = {one.name: _content(saved, one) for one in saved if one.isfile()}
        manifest = json.loads(contents["manifest.json"])[0]
        config = json.loads(contents[manifest["Config"]])
        pairs = zip(manifest["Layers"], config["rootfs"]["diff_ids"], strict=True)
        skipped = {layer for layer, digest in pairs if digest in known}
        assert len(skipped) == len(known)
        for member, content in contents.items():
            if member not in skipped:
                self.look(kind, f"{name}:{member}", content)
        self.look(kind, f"{name}: inspected", _run("docker", "image", "inspect", name))
        self.look(kind, f"{name}: history", _run("docker", "history", "--no-trunc", name))

    def kinds_with(self, source: str) -> set[str]:
        """Return the kinds of places in which the canary of a source was found."""
        return {kind for kind, one, _ in self.found if one == source}


def _unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())
    elif data.startswith(b"\x1f\x8b"):
        yield "gzip", gzip.decompress(data)
    elif data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            yield from ((one.name, _content(tar, one)) for one in tar if one.isfile())


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None
    return file.read()


def _layers_of(image: str) -> list[str]:
    inspected = json.loads(_run("docker", "image", "inspect", image))
    return [str(layer) for layer in inspected[0]["RootFS"]["Layers"]]


def _run(*argv: str) -> bytes:
    return subprocess.run(argv, check=True, capture_output=True).stdout


def shell_word(word: str) -> str:
    """Return a word as it stands in a string of assignments."""
    return "'" + word.replace("'", "'\\''") + "'"


def toml_word(word: str) -> str:
    """Return a word as a string of TOML."""
    return json.dumps(word)


def url_word(word: str) -> str:
    """Return a word as a password in a URL."""
    return quote(word, safe="")


def plugin(directory: Path, module: str) -> Path:
    """Write a distribution that teaches fsspec the protocol `canary`: a directory behind a URL with credentials."""
    code = """
from fsspec.implementations.local import LocalFileSystem
class CanaryFileSystem(LocalFileSystem):
    protocol = "canary"
    @classmethod
    def _strip_protocol(cls, path):
        path = str(path)
        return "/" + path.partition("@")[2].partition("/")[2] if path.startswith("canary://") else path
"""
    information = directory / f"{module}-1.dist-info"
    information.mkdir(parents=True)
    (directory / f"{module}.py").write_text(code)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
    (information / "entry_points.txt").write_text(f"[fsspec.specs]\ncanary = {module}:CanaryFileSystem\n")
    return directory
