"""Nothing that a run leaves or says holds a secret: a word is put at each source, and looked for everywhere."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from canaries import TELL, Canary, Search, plugin, shell_word, toml_word, url_word
from image_source import ImageSource
from runner_process import REPOSITORY, run_build, runner_argv, runner_environ
from sample_projects import write_project
from stub_project import BACKEND, ONLY, stub_project

from matrix_runner.engine.api import PersistentKind
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.engine.surroundings import EngineSurroundings

PASSING, FAILING = "cp311-manylinux_x86_64", "cp313-manylinux_x86_64"
DEBUG_IMAGE = f"matrix-runner/debug:{FAILING}"
CONTROL = "control"
"""The word that is no secret: it has to be found."""

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "stub"
version = "1"
"""

SETTINGS = """
[tool.matrix-runner]
repair-wheel-command = ""
secret-variables = {secret_variables}
environment-pass = ["PASSED", "PASSED_TOKEN"]
environment = {{ LICENSE = {named}, FILE_TOKEN = {file_token}, PLAIN = "plain" }}
container-engine = {{ name = "docker", create-args = ["--env=ARGUMENT", "--env", {argument_key}] }}
before-all = [
  {tell}, "env", "export -p", "sh -xc 'echo $PASSED_TOKEN'",
  "mkdir -p $UV_CACHE_DIR", "cp {{project}}/marker $UV_CACHE_DIR/",
]
before-build = [{tell}, "env | base64 -w0"]
test-command = [{tell}, {fail}]
cache-remote = {remote}
debug-keep-container = true
"""
TELL_IT = '"$(ls -d /opt/python/cp311-*)/bin/python {project}/tell.py"'
FAIL = f'"case $MATRIX_RUNNER_IDENTIFIER in {FAILING}) echo \\"error: $PASSED $TESTED\\" >&2; exit 3;; esac"'
FROM_FILE = ("ARGUMENT_KEY", "LICENSE", "FILE_TOKEN")
FROM_HOST = ("PASSED", "PASSED_TOKEN", "ARGUMENT", "GIVEN", "GIVEN_TOKEN", "TESTED")
NAMES = (*FROM_FILE, *FROM_HOST)
NAMES_TOLD = (*NAMES, "https_proxy", "PLAIN")


@dataclass(kw_only=True, slots=True)
class Stage:
    """A user with directories of her own, a project, and a word at each source of secrets."""

    directory: Path
    images: ImageSource
    masks: bool
    canaries: dict[str, Canary] = field(default_factory=dict)
    said: list[bytes] = field(default_factory=list)
    """Standard output and error of each command."""

    def __post_init__(self) -> None:
        self.canaries = {name: Canary(source=name) for name in NAMES}
        self.canaries |= {name: Canary.plain(name) for name in ("proxy", "remote", CONTROL)}
        files = {
            "pyproject.toml": PROJECT,
            "backend.py": f"{BACKEND}\nimport tell\n",
            "tell.py": f"NAMES = {NAMES_TOLD}\n{TELL}",
            "marker": self.word(CONTROL),
        }
        write_project(self.directory / "project", files)
        remote = f"canary://user:{self.word('remote')}@place{self.directory}/remote"
        settings = SETTINGS.format(
            secret_variables='["LICENSE"]' if self.masks else '["!*"]',
            named=toml_word(self.word("LICENSE")),
            file_token=toml_word(self.word("FILE_TOKEN")),
            argument_key=toml_word(f"ARGUMENT_KEY={self.word('ARGUMENT_KEY')}"),
            tell=TELL_IT,
            fail=FAIL,
            remote=toml_word(remote),
        )
        # Not in the project, where secrets would be in every image with the source.
        (self.directory / "settings.toml").write_text(settings)
        plugin(self.directory / "plugin", "canary_files")
        (self.directory / "left/state").mkdir(parents=True)

    def word(self, source: str) -> str:
        """Return the word of a source."""
        return self.canaries[source].word

    @property
    def environ(self) -> dict[str, str]:
        """The environment of every command."""
        left, given = self.directory / "left", ("GIVEN", "GIVEN_TOKEN")
        assignments = " ".join(f"{name}={shell_word(self.word(name))}" for name in given)
        own = {name: self.word(name) for name in ("PASSED", "PASSED_TOKEN", "ARGUMENT")}
        proxy = f"http://user:{url_word(self.word('proxy'))}@127.0.0.1:9"
        # Nobody shall really go by way of it.
        own |= {"https_proxy": proxy, "HTTPS_PROXY": proxy, "no_proxy": "*", "NO_PROXY": "*"}
        return runner_environ(
            **own,
            MATRIX_RUNNER_ENVIRONMENT=assignments,
            MATRIX_RUNNER_INHERIT="environment",
            MATRIX_RUNNER_TEST_ENVIRONMENT=f"TESTED={shell_word(self.word('TESTED'))}",
            MATRIX_RUNNER_NO_CACHE="0",
            XDG_STATE_HOME=str(left / "state"),
            XDG_CACHE_HOME=str(left / "cache"),
            GITHUB_STEP_SUMMARY=str(left / "summary.md"),
            PYTHONPATH=f"{REPOSITORY}{os.pathsep}{self.directory / 'plugin'}",
        )

    def run(self, command: str, *arguments: str, **variables: str) -> int:
        """Run a command on the project; keep what it says."""
        settings = ("--config-file", str(self.directory / "settings.toml"))
        argv = runner_argv(command, *arguments, str(self.directory / "project"), *settings)
        done = subprocess.run(argv, env={**self.environ, **variables}, capture_output=True, check=False, timeout=1500)
        self.said += [done.stdout, done.stderr]
        return done.returncode

    def build(self, output: str, *arguments: str, **variables: str) -> int:
        """Build both cells, with every line on the console."""
        where = ("--output-dir", str(self.directory / "left" / output), "--verbose")
        return self.run("build", *where, *self.images.only(PASSING, FAILING), *arguments, **variables)

    def search(self) -> Search:
        """Look everywhere."""
        search = Search(canaries=tuple(self.canaries.values()))
        for number, data in enumerate(self.said):
            search.look("console", f"stream {number}", data)
        search.look_below("directory", self.directory / "left")
        search.look_below("remote", self.directory / "remote")
        state = self.directory / "left/state/matrix-runner"
        around = EngineSurroundings(environ=os.environ, state_dir=state, work_dir=self.directory / "work")
        with closing(DockerEngine(run="test", surroundings=around)) as engine:
            kept = engine.persistent_items()
        base = "matrix-runner/manylinux_2_31_x86_64"
        for one in kept:
            if one.kind is PersistentKind.VOLUME:
                search.look_at_volume(one.name, base)
            else:
                search.look_at_image("prepared image", one.name, base)
        search.look_at_image("debug image", DEBUG_IMAGE, base)
        return search


@pytest.fixture
def stages(tmp_path: Path, images: ImageSource) -> Iterator[tuple[Stage, Stage]]:
    """Give a user whose secrets are masked, and one who says that she has none; leave nothing of theirs."""
    masked = Stage(directory=tmp_path / "masked", images=images, masks=True)
    open_ = Stage(directory=tmp_path / "open", images=images, masks=False)
    try:
        yield masked, open_
    finally:
        for stage in (masked, open_):
            argv = runner_argv("cache", "clear", "--yes")
            subprocess.run(argv, env=stage.environ, check=True, capture_output=True)
        subprocess.run(("docker", "image", "rm", "--force", DEBUG_IMAGE), check=False, capture_output=True)


@pytest.mark.own_images
def test_no_secret_is_left(stages: tuple[Stage, Stage], capsys: pytest.CaptureFixture[str]) -> None:
    """Of all words only the one that is no secret is found, and that one in every kind of place.

    With every word declared to be no secret, the same search finds them where they used to be.
    """
    masked, open_ = stages
    assert masked.build("first") == 1
    search = masked.search()
    # What is said of mistakes, of cells that are known, and by other commands.
    assert masked.build("again") == 1
    bad_environment = f"{masked.environ['MATRIX_RUNNER_ENVIRONMENT']} {shell_word(masked.word('GIVEN'))}"
    assert masked.build("bad", MATRIX_RUNNER_ENVIRONMENT=bad_environment) == 2
    assert masked.build("bad", MATRIX_RUNNER_TEST_ENVIRONMENT=f"A='{masked.word('TESTED')}") == 2
    nowhere = f"s3://user:{masked.word('remote')}@place"  # s3fs is not installed, and the error names the URL
    assert masked.build("bad", "--debug-traceback", MATRIX_RUNNER_CACHE_REMOTE=nowhere) == 2
    assert masked.run("explain", PASSING, *masked.images.flags) == 0
    assert masked.run("explain", PASSING, "--json", *masked.images.flags) == 0
    assert masked.run("plan", *masked.images.flags) == 0
    again = masked.search()
    kinds = {"console", "directory", "remote", "volume", "prepared image", "debug image"}
    for one in (search, again):
        assert {found for found in one.found if found[1] != CONTROL} == set()
        assert one.kinds_with(CONTROL) == set(one.places) == kinds
    shown = masked.said[0].decode()
    assert shown.count("told PASSED *** | *** | ***") >= 4
    assert 'PLAIN="plain"' in shown
    assert 'FILE_TOKEN="***"' in shown
    assert open_.build("first") == 1
    leaks = open_.search()
    for source in NAMES:
        assert {"console", "directory", "remote"} <= leaks.kinds_with(source)
    # Files of variables are in no image, masks or not; passwords in URLs are masked whatever their variables are.
    for source in (*NAMES, "proxy", "remote"):
        assert not {"prepared image", "debug image"} & leaks.kinds_with(source)
    assert sum(again.places.values()) > 100
    with capsys.disabled():
        print(f"\n{sum(again.places.values())} places, {again.size} bytes: {dict(again.places)}")  # noqa: T201


def test_on_the_machine_itself(tmp_path: Path) -> None:
    """Commands see the whole environment there: what looks secret in it is masked; kept directories hold no variables.

    Those of the project are in a file that only its owner can read, while commands run.
    """
    there = 'printf "%s %s\\n" "$(stat -c %a ../matrix/environment.sh)" "$HOST_TOKEN" | tee kept.txt; exit 3'
    own = "environment = { OWN_TOKEN = 'not-to-be-kept' }"
    stub = stub_project(tmp_path, f"{own}\nbefore-build = {toml_word(there)}")
    token = Canary(source="host")
    home = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_STATE_HOME": str(tmp_path / "state")}
    flags = ("--only", ONLY, "--debug-keep-container", "--verbose")
    ended = run_build(stub.project, stub.output, *flags, HOST_TOKEN=token.word, **home)
    assert ended.code == 1, ended.output
    assert "| 600 ***\n" in ended.output
    search = Search(canaries=(token,))
    search.look_below("directory", stub.output)
    assert search.found == set()
    (kept,) = (tmp_path / "cache").rglob("kept.txt")
    assert not [path.name for path in kept.parents[1].glob("matrix/*.sh")]
