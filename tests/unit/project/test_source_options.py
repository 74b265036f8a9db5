"""The files that the options `source-...` choose: all of them, further ones, fewer; and all of an sdist."""

import os
import tarfile
from pathlib import Path

from checkouts import commit, git, repository, write

from matrix_runner.config.kinds.values import SourceFiles
from matrix_runner.project.source_archive import FILE_TIME, pack, survey
from matrix_runner.project.source_files import SourceSelection


def names(project: Path, **options: object) -> set[str]:
    """Return the names of the packed files, without those of `.git`."""
    selection = SourceSelection(project=project, environ={}, **options)  # type: ignore[arg-type]
    return {name for name, _ in survey(selection).digests if name.rpartition("/")[2] != ".git"}


def project_of(room: Path) -> Path:
    """Make a repository with ignored files, an own output directory, and a repository within it."""
    project = repository(room / "p")
    (project / ".gitignore").write_text("build/\n*.so\n.env\n/out/\n")
    commit(project, "fourth")
    write(project, build__lib__x_py="x", out__w_txt="x", new_txt="x", vendor__turbo__t_txt="x")
    for name in ("demo.cpython-311-x86_64-linux-gnu.so", ".env"):
        (project / name).write_text("x")
    git(project / "vendor/turbo", "init", "-q")
    return project


TRACKED = {".gitignore", "setup.py", "src/demo.py"}
IGNORED = {"build/lib/x.py", "demo.cpython-311-x86_64-linux-gnu.so", ".env"}


def test_all_is_all_but_our_own_output(tmp_path: Path) -> None:
    """Ignored files, nested repositories and empty directories go along; the output directory and the cache do not."""
    project = project_of(tmp_path)
    (project / "empty/inner").mkdir(parents=True)
    write(project, cache__entry_txt="x")
    found = names(project, files=SourceFiles.ALL, own=(project / "out", project / "cache"))
    assert found == {*TRACKED, *IGNORED, "new.txt", "vendor/turbo/t.txt", "empty/inner"}
    assert names(project, own=(project / "cache",)) == {*TRACKED, "new.txt"}


def test_patterns_bring_and_leave_out(tmp_path: Path) -> None:
    """They are those of .gitignore, hold in both modes, and leaving out prevails."""
    project = project_of(tmp_path)
    include = ("build/", "!x.py", "/vendor/turbo/", ".env")
    write(project, build__y_txt="y")
    assert names(project, include=include) == {*TRACKED, "new.txt", "build/y.txt", "vendor/turbo/t.txt", ".env"}
    assert names(project, include=include, exclude=("*.txt", "/src/")) == {".gitignore", "setup.py", ".env"}
    left = names(project, files=SourceFiles.ALL, exclude=("*", "!setup.py", "!/build/", "!/build/**"))
    assert left == {"setup.py", "build/lib/x.py", "build/y.txt"}


def test_patterns_hold_outside_of_a_checkout(tmp_path: Path) -> None:
    """There, too, they bring leftovers and leave out others."""
    project = write(tmp_path / "p", setup_py="x", dist__data_txt="x", dist__other_txt="x", src__a_py="x")
    assert names(project) == {"setup.py", "src/a.py"}
    assert names(project, include=("/dist/data.txt",), exclude=("/src/",)) == {"setup.py", "dist/data.txt"}
    assert len(names(project, files=SourceFiles.ALL)) == 4


def test_all_keeps_attributes_and_git_does_not(tmp_path: Path) -> None:
    """Object files of an earlier build are as old as they are, else make would take them for up to date."""
    project = project_of(tmp_path)
    for number, name in enumerate(sorted(TRACKED | IGNORED)):
        os.utime(project / name, (0, 1_000_000_000 + number))
    target = tmp_path / "s.tar"
    for files, expected in ((SourceFiles.ALL, set(range(6))), (SourceFiles.GIT, {FILE_TIME - 1_000_000_000})):
        pack(SourceSelection(project=project, environ={}, files=files), target)
        with tarfile.open(target) as tar:
            found = {int(one.mtime) - 1_000_000_000 for one in tar if one.name in TRACKED | IGNORED}
        assert found == expected


def test_all_keeps_permissions_and_git_does_not(tmp_path: Path) -> None:
    """Backends store them in wheels, so with all files the user's are packed, and are inputs of the cache."""
    project = project_of(tmp_path)
    target = tmp_path / "s.tar"
    modes = {"setup.py": 0o664, "src/demo.py": 0o775, ".env": 0o600}
    before = dict(survey(SourceSelection(project=project, environ={}, files=SourceFiles.ALL)).digests)
    for name, mode in modes.items():
        (project / name).chmod(mode)
    (project / "link").symlink_to("setup.py")
    for files, expected in ((SourceFiles.ALL, modes), (SourceFiles.GIT, {"setup.py": 0o644, "src/demo.py": 0o755})):
        selection = SourceSelection(project=project, environ={}, files=files)
        packed = pack(selection, target)
        with tarfile.open(target) as tar:
            assert {one.name: one.mode for one in tar if one.name in modes} == expected
        assert packed.digests == survey(selection).digests
        changed = {name for name, digest in packed.digests if before.get(name) not in {digest, None}} - {".git"}
        assert changed == (set(modes) if files is SourceFiles.ALL else {"src/demo.py"})


def test_the_order_of_times_counts_where_build_tools_go_by_it(tmp_path: Path) -> None:
    """An object file that is older than the sources is another input than the same one made of them; dates are not."""
    project = project_of(tmp_path)

    def digests(moment: int, made: int) -> dict[str, str]:
        for name in TRACKED | IGNORED | {"new.txt"}:
            os.utime(project / name, (0, moment if name in TRACKED else made))
        return dict(survey(SourceSelection(project=project, environ={}, files=SourceFiles.ALL)).digests)

    fresh = digests(1_000, 1_001)
    assert digests(5_000, 5_001) == fresh
    stale = digests(1_000, 999)
    assert {name for name in fresh if fresh[name] != stale[name]} == IGNORED | {"new.txt"}


def test_an_sdist_is_packed_as_a_whole(tmp_path: Path) -> None:
    """Whatever is in an sdist was put there on purpose; git, which its configuration could abuse, is not asked."""
    project = write(tmp_path / "p", setup_py="x", dist__a_js="x", build__lib_x__a_py="x", _cache__x_txt="x")
    (project / "src").mkdir()
    (project / "src/lib.cpython-311-x86_64-linux-gnu.so").write_text("x")
    git(project, "init", "-q")
    git(project, "config", "core.fsmonitor", f"touch {tmp_path}/ran")
    (project / ".gitignore").write_text("*\n")
    selection = SourceSelection(project=project, environ={"PATH": os.environ["PATH"]}, is_sdist=True)
    found = pack(selection, tmp_path / "s.tar")
    packed = {name for name, _ in found.digests}
    assert {"setup.py", "dist/a_js", "src/lib.cpython-311-x86_64-linux-gnu.so", ".gitignore", ".git/config"} <= packed
    assert (found.epoch, found.newest, found.prefix) == (315_532_800, FILE_TIME, "")
    assert not (tmp_path / "ran").exists()
