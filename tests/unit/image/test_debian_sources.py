"""Mirror, root filesystem and sources, with a fake in the place of apt-get and mmdebstrap."""

import hashlib
from pathlib import Path

import msgspec
import pytest
from image_machine import FakeMachine, announced, saying, serving

from matrix_runner.errors import MachineError
from matrix_runner.image.debian_sources import (
    choose_mirror,
    fetch_sources,
    find_mirror,
    has_source,
    make_root,
    require_programs,
)
from matrix_runner.image.host_programs import MachinePrograms
from matrix_runner.image.image_manifest import SourcePackage, load_manifests
from matrix_runner.image.image_recipe import write_recipe
from matrix_runner.image.image_request import ImageTarget
from matrix_runner.model.platforms import Arch

_MIRROR = "http://mirror.example/debian"


_CONTENT = b"the sources of a Python"
_SOURCE = SourcePackage(package="python9.9", file="python9.9.tar.gz", sha256=hashlib.sha256(_CONTENT).hexdigest())


def test_the_main_archive_is_chosen() -> None:
    """The tree of security updates has no release in it."""
    lines = ("Debian|http://m.example/debian-security/", "Debian|http://m.example/debian/")
    assert choose_mirror(lines) == "http://m.example/debian/"


def test_a_mirror_with_another_name_will_do() -> None:
    """A company's mirror may call its directory as it likes."""
    lines = ("Debian|http://m.example/debian-security/", "Debian|https://repo.example/deb-main/")
    assert choose_mirror(lines) == "https://repo.example/deb-main/"


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("Ubuntu|http://m.example/ubuntu/",),
        ("Debian|cdrom://disc/",),
        ("Debian|http://m.example/debian-security/",),
    ],
)
def test_no_mirror_is_better_than_a_wrong_one(lines: tuple[str, ...]) -> None:
    """Another distribution's archive, a disc, or security updates alone cannot serve."""
    assert choose_mirror(lines) is None


def test_the_mirror_comes_from_apt() -> None:
    """Nobody has to name what the machine is configured for."""
    assert find_mirror(saying(f"Debian|{_MIRROR}/\n"), None) == _MIRROR


def test_a_named_mirror_needs_no_apt_configuration() -> None:
    """`--mirror` serves where apt knows none."""
    machine = saying("")
    assert find_mirror(machine, f"{_MIRROR}/") == _MIRROR
    assert machine.commands == []


def test_no_mirror_is_an_error_that_names_the_option() -> None:
    """The user is told what to do."""
    with pytest.raises(MachineError, match="no Debian mirror") as caught:
        find_mirror(saying(""), None)
    assert "--mirror" in (caught.value.hint or "")


@pytest.mark.parametrize("mirror", ["file:///srv/debian", "http://a b/debian", "http://x/[trusted=yes] y", "nonsense"])
def test_a_mirror_that_is_no_plain_url_is_refused(mirror: str) -> None:
    """The address becomes part of a line of sources.list, options and all."""
    with pytest.raises(MachineError, match="no plain http"):
        find_mirror(saying(""), mirror)


def test_a_password_in_the_mirror_is_refused_and_not_repeated() -> None:
    """It would stay in the image for all to read, and in the log."""
    with pytest.raises(MachineError) as caught:
        find_mirror(saying(""), "https://me:secret@mirror.example/debian")
    assert "secret" not in f"{caught.value} {caught.value.hint}"


def test_a_missing_program_is_named_with_its_package() -> None:
    """The user is told what to install."""
    with pytest.raises(MachineError, match="mmdebstrap") as caught:
        require_programs(FakeMachine(lambda _argv, _cwd: "", lacks=("mmdebstrap",)))
    assert "apt-get install mmdebstrap" in (caught.value.hint or "")


def test_sources_are_fetched_once(tmp_path: Path) -> None:
    """A second build asks no mirror."""
    fetch_sources((_SOURCE,), _MIRROR, serving({_SOURCE.file: _CONTENT}), tmp_path)
    assert (tmp_path / _SOURCE.file).read_bytes() == _CONTENT
    machine = serving({})
    fetch_sources((_SOURCE,), _MIRROR, machine, tmp_path)
    assert machine.commands == []


def test_a_spoilt_source_is_fetched_again(tmp_path: Path) -> None:
    """What lies in a cache is believed by its hash, not by its name."""
    (tmp_path / _SOURCE.file).write_bytes(b"half of it")
    assert not has_source(_SOURCE, tmp_path)
    fetch_sources((_SOURCE,), _MIRROR, serving({_SOURCE.file: _CONTENT}), tmp_path)
    assert has_source(_SOURCE, tmp_path)


def test_another_file_under_the_same_name_is_refused(tmp_path: Path) -> None:
    """A mirror that serves something else gets nothing into an image."""
    with pytest.raises(MachineError, match="not the file that was announced"):
        fetch_sources((_SOURCE,), _MIRROR, serving({_SOURCE.file: b"something else"}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_the_mirror_has_dropped_is_named(tmp_path: Path) -> None:
    """The message says which file was wanted, and what to do."""
    with pytest.raises(MachineError, match=r"python9\.9\.tar\.gz cannot be had .* 404") as caught:
        fetch_sources((_SOURCE,), _MIRROR, serving({"python9.9_9.9.1.tar.gz": _CONTENT}), tmp_path)
    assert "--mirror" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("package", "place"), [("python9.9", "p/python9.9"), ("libffi", "libf/libffi"), ("zlib", "z/zlib")]
)
def test_each_source_comes_from_its_place_in_the_pool(tmp_path: Path, package: str, place: str) -> None:
    """By name and digest: other files of its source package may be gone, and a newer release changes nothing."""
    machine = serving({_SOURCE.file: _CONTENT})
    fetch_sources((msgspec.structs.replace(_SOURCE, package=package),), _MIRROR, machine, tmp_path)
    (command,) = machine.commands
    assert f"{_MIRROR}/pool/main/{place}/{_SOURCE.file}" in command
    assert f"SHA256:{_SOURCE.sha256}" in command


def test_the_apt_of_the_machine_is_left_alone(tmp_path: Path) -> None:
    """State, cache and sources are ours; the machine's need not even be readable."""
    machine = mirror_of({}, {_ROLLING.file: _CONTENT})
    fetch_sources((_ROLLING,), _MIRROR, machine, tmp_path)
    for command in machine.commands[:-1]:
        options = dict(word.split("=", 1) for word in command if word.startswith(("Dir::", "APT::")))
        assert options.keys() >= {"Dir::State", "Dir::State::status", "Dir::Cache", "Dir::Etc::sourcelist"}
        assert not any(place.startswith(("/var", "/etc")) for place in options.values())


@pytest.mark.parametrize(("arch", "debian"), [(Arch.X86_64, "amd64"), (Arch.I686, "i386")])
def test_the_root_filesystem_is_of_the_architecture(tmp_path: Path, arch: Arch, debian: str) -> None:
    """Debian has names of its own, and bullseye-security is left out by naming the one line."""
    root = write_recipe(ImageTarget(manifest=load_manifests()[0], arch=arch), frozenset()).root
    machine = saying("")
    make_root(root, _MIRROR, machine, tmp_path / "root.tar")
    (command,) = machine.commands
    assert f"--architectures={debian}" in command
    assert [word for word in command if word.startswith("deb ")] == [command[-1]]
    assert command[-1].endswith(f"{_MIRROR} bullseye main")
    assert msgspec.structs.replace(root, packages=()).digest != root.digest


def test_a_failing_program_is_told_with_its_last_lines() -> None:
    """The reason stands in what it printed."""
    script = "import sys; print('the mirror is on fire', file=sys.stderr); sys.exit(100)"
    with pytest.raises(MachineError, match=r"python3 ended with status 100:\n +the mirror is on fire"):
        MachinePrograms({"PATH": "/usr/bin:/bin"}).run(("python3", "-c", script), timeout=60)


def test_after_an_abort_no_program_is_started() -> None:
    """Ctrl-C leaves nothing behind that starts a moment later."""
    machine = MachinePrograms({"PATH": "/usr/bin:/bin"})
    machine.abort()
    with pytest.raises(MachineError, match="being stopped"):
        machine.run(("true",), timeout=60)


def test_a_program_that_takes_too_long_is_ended() -> None:
    """A mirror that stalls is an error, not a hang."""
    with pytest.raises(MachineError, match="did not finish"):
        MachinePrograms({"PATH": "/usr/bin:/bin"}).run(("sleep", "600"), timeout=0.1)


_ROLLING = SourcePackage(
    package="python9.9",
    rolling=("sid", "forky"),
    file="python9.9_9.9.0~rc1.orig.tar.xz",
    sha256=hashlib.sha256(_CONTENT).hexdigest(),
)


def mirror_of(announced_by: dict[str, tuple[str, bytes]], served: dict[str, bytes]) -> FakeMachine:
    """Make a machine with a mirror whose suites announce a file each, and which serves some files."""
    files = serving(served)

    def answer(argv: tuple[str, ...], cwd: str | None) -> str:
        if "--print-uris" not in argv:
            return files.answer(argv, cwd)
        suite = argv[-1].partition("/")[2]
        if suite not in announced_by:
            raise MachineError("E: Unable to find a source package")
        return "'http://x/a.dsc' a.dsc 1 SHA256:0\n" + announced(*announced_by[suite])

    return FakeMachine(answer)


@pytest.mark.parametrize("served", ["python9.9_9.9.2.orig.tar.xz", "python9.9_9.9.1.orig.tar.xz", _ROLLING.file])
def test_of_a_rolling_release_the_newest_that_is_served(tmp_path: Path, served: str) -> None:
    """A mirror may announce files that it has dropped: the next suite's, and at last the one that the recipe names."""
    content = _CONTENT if served == _ROLLING.file else served.encode()
    suites = {
        "sid": ("python9.9_9.9.2.orig.tar.xz", b"python9.9_9.9.2.orig.tar.xz"),
        "forky": ("python9.9_9.9.1.orig.tar.xz", b"python9.9_9.9.1.orig.tar.xz"),
    }
    machine = mirror_of(suites, {served: content})
    fetch_sources((_ROLLING,), _MIRROR, machine, tmp_path)
    assert (tmp_path / _ROLLING.stored).read_bytes() == content
    assert has_source(_ROLLING, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["python9.9-newest.orig.tar"]
    again = serving({})
    fetch_sources((_ROLLING,), _MIRROR, again, tmp_path)
    assert again.commands == []


def test_a_rolling_release_that_nobody_serves(tmp_path: Path) -> None:
    """The error is about the file that the recipe names."""
    with pytest.raises(MachineError, match=r"python9\.9_9\.9\.0~rc1\.orig\.tar\.xz cannot be had"):
        fetch_sources((_ROLLING,), _MIRROR, mirror_of({}, {}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_file_than_the_announced_one(tmp_path: Path) -> None:
    """It is not taken, in whichever suite; the recipe's own has a digest too."""
    suites = {"sid": ("python9.9_9.9.2.orig.tar.xz", b"right")}
    machine = mirror_of(suites, {"python9.9_9.9.2.orig.tar.xz": b"wrong", _ROLLING.file: b"wrong"})
    with pytest.raises(MachineError, match="not the file that was announced"):
        fetch_sources((_ROLLING,), _MIRROR, machine, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_interpreters_have_names_that_people_use() -> None:
    """A version, a tag or the directory; None for an ambiguous or unknown one."""
    compiled, _, newest, _ = load_manifests()
    names = ("3.15", "3.15t", "cp314", "cp313-cp313t", "3.9")
    directories = ("cp315-cp315", "cp315-cp315t", "cp314-cp314", "cp313-cp313t", "cp39-cp39")
    assert tuple(map(compiled.directory_of, names)) == directories
    assert [compiled.directory_of(name) for name in ("cp27", "3.99", "pp311", "")] == [None] * 4
    assert newest.directory_of("pp311") == newest.directory_of("pypy311_pp73") == "pp311-pypy311_pp73"
