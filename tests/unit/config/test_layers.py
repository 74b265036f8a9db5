"""Which layer wins, and how settings say where a value came from."""

import pickle
from pathlib import Path

import pytest

from matrix_runner.config.kinds.values import ArchGroup, EnableGroup
from matrix_runner.config.loading.loading import load
from matrix_runner.config.options import FLAGS, OPTIONS
from matrix_runner.config.options.engine_options import ENGINES
from matrix_runner.config.options.image_options import IMAGE, IMAGES
from matrix_runner.config.options.option import Source
from matrix_runner.config.options.output_options import OUTPUT_DIR
from matrix_runner.config.options.run_options import JOBS
from matrix_runner.config.options.selection_options import ARCHS, BUILD, ENABLE, SKIP
from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.errors import ConfigError
from matrix_runner.model.platforms import Arch, Platform

X86_64 = Platform.parse("manylinux_x86_64")
I686 = Platform.parse("manylinux_i686")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that sets something."""
    (tmp_path / "pyproject.toml").write_text("""
[project]
name = "thing"
requires-python = ">=3.9"
[tool.matrix-runner]
jobs = 2
archs = ["x86_64"]
enable = ["pypy"]
test-command = "pytest"
""")
    return tmp_path


def test_flag_over_variable_over_file_over_default(project: Path) -> None:
    """Each layer hides the one below, and the origin is the layer that won."""
    layers = [
        load(project, environ={}, flags={}),
        load(project, environ={"MATRIX_RUNNER_JOBS": "3"}, flags={}),
        load(project, environ={"MATRIX_RUNNER_JOBS": "3"}, flags={"jobs": 4}),
    ]
    assert [settings[JOBS] for settings in layers] == [2, 3, 4]
    assert [str(settings.origin(JOBS)) for settings in layers] == [
        "pyproject.toml:6: tool.matrix-runner.jobs", "MATRIX_RUNNER_JOBS", "--jobs"
    ]  # fmt: skip
    assert [settings.origin(JOBS).source for settings in layers] == [Source.FILE, Source.ENVIRONMENT, Source.FLAG]
    assert layers[0][SKIP] == ()
    assert str(layers[0].origin(SKIP)) == "default"


def test_enable_adds_up(project: Path) -> None:
    """Groups from all layers count, as users of the field's tools expect, and the origin names every layer."""
    settings = load(project, environ={"MATRIX_RUNNER_ENABLE": "graalpy"}, flags={"enable": ("pypy", "eol")})
    assert settings[ENABLE] == (EnableGroup.PYPY, EnableGroup.GRAALPY, EnableGroup.EOL)
    assert str(settings.origin(ENABLE)) == (
        "pyproject.toml:8: tool.matrix-runner.enable and MATRIX_RUNNER_ENABLE and --enable"
    )


def test_engines_are_joined_by_name(tmp_path: Path) -> None:
    """What adds to engines says anew what one of the same name is, in its place; within one list a name is unique."""
    (tmp_path / "pyproject.toml").write_text("""
[tool.matrix-runner]
engines = ["a=unix:///a", "b=unix:///b,jobs=2"]
""")
    environ = {"MATRIX_RUNNER_ENGINES": "a=ssh://a,jobs=3 c=unix:///c", "MATRIX_RUNNER_INHERIT": "engines: append"}
    settings = load(tmp_path, environ=environ, flags={})
    assert [(entry.name, entry.endpoint, entry.jobs) for entry in settings[ENGINES]] == [
        ("a", "ssh://a", 3), ("b", "unix:///b", 2), ("c", "unix:///c", 0)
    ]  # fmt: skip


def test_repeated_flag(project: Path) -> None:
    """A flag given several times gives all its values; one not given (an empty tuple) leaves the layer below."""
    settings = load(project, environ={}, flags={"build": ("cp39-*", "cp310-* cp311-*"), "archs": ()})
    assert settings[BUILD] == ("cp39-*", "cp310-*", "cp311-*")
    assert settings[ARCHS] == (Arch.X86_64,)
    assert str(settings.origin(BUILD)) == "--only"


def test_repeated_flags_of_engines_are_one_list(project: Path) -> None:
    """Two engines of one name are a mistake there too: the later one would take the place of the other unseen."""
    settings = load(project, environ={}, flags={"engines": ("a=ssh://a", "b=ssh://b")})
    assert [entry.name for entry in settings[ENGINES]] == ["a", "b"]
    with pytest.raises(ConfigError, match='--engine-endpoint: two engines have the name "a"'):
        load(project, environ={}, flags={"engines": ("a=ssh://a", "a=ssh://b")})


def test_empty_variable(project: Path) -> None:
    """An empty variable clears what can be empty, and is as if unset for what cannot."""
    empty = {"MATRIX_RUNNER_TEST_COMMAND": "", "MATRIX_RUNNER_JOBS": "", "MATRIX_RUNNER_ARCHS": " "}
    settings = load(project, environ=empty, flags={})
    assert settings[TEST_COMMAND] == ""
    assert str(settings.origin(TEST_COMMAND)) == "MATRIX_RUNNER_TEST_COMMAND"
    assert settings[JOBS] == 2
    assert settings[ARCHS] == (Arch.X86_64,)


def test_other_variables_are_nobodys_business(project: Path) -> None:
    """Variables without our prefix, and those a run sets for its own cells, are no options."""
    foreign = {"JOBS": "9", "MATRIX_RUNNER": "1", "MATRIX_RUNNER_IDENTIFIER": "cp39-manylinux_i686"}
    assert load(project, environ=foreign, flags={}) == load(project, environ={}, flags={})


def test_metadata(project: Path) -> None:
    """The project's name and the Pythons it wants come from its metadata."""
    settings = load(project, environ={}, flags={})
    assert settings.project_name == "thing"
    python = settings.requires_python
    assert python is not None
    assert (python.value, str(python.origin)) == (">=3.9", "pyproject.toml:4: project.requires-python")


@pytest.mark.parametrize("name", ["setup.py", "setup.cfg"])
def test_project_without_pyproject(tmp_path: Path, name: str) -> None:
    """An old project has no pyproject.toml, and nothing to say but defaults."""
    (tmp_path / name).touch()
    settings = load(tmp_path, environ={}, flags={})
    assert settings[ARCHS] == (ArchGroup.AUTO,)
    assert settings[OUTPUT_DIR] == "wheelhouse"
    assert settings.project_name is None
    assert settings.requires_python is None


def test_config_file_replaces_the_table(project: Path, tmp_path: Path) -> None:
    """A configuration file of its own replaces the project's table, not its metadata."""
    other = tmp_path / "ci.toml"
    other.write_text("[tool.matrix-runner]\nskip = 'pp*'")
    settings = load(project, environ={}, flags={}, config_file=other)
    assert settings[JOBS] == 0
    assert str(settings.origin(SKIP)) == f"{other}:2: tool.matrix-runner.skip"
    assert settings.project_name == "thing"


def test_image_for_a_platform(tmp_path: Path) -> None:
    """The image for all platforms gives way to a platform's own of the same layer, and wins over a lower layer."""
    (tmp_path / "pyproject.toml").write_text("[tool.matrix-runner]\nimage = 'all'\nmanylinux-i686-image = 'own'")
    plain = load(tmp_path, environ={}, flags={})
    assert (plain.image(X86_64), plain.image(I686)) == ("all", "own")
    variable = load(tmp_path, environ={"MATRIX_RUNNER_MANYLINUX_X86_64_IMAGE": "mine"}, flags={})
    assert (variable.image(X86_64), variable.image(I686)) == ("mine", "own")
    flag = load(tmp_path, environ={"MATRIX_RUNNER_MANYLINUX_X86_64_IMAGE": "mine"}, flags={"image": "debian"})
    assert (flag.image(X86_64), flag.image(I686)) == ("debian", "debian")
    none = load(tmp_path, environ={}, flags={"image": ""})
    assert (none.image(X86_64), none.image(I686)) == ("manylinux_2_28", "own")


def test_every_platform_has_an_image_option() -> None:
    """There are fourteen platforms, and the table has an image option for each."""
    assert len(IMAGES) == 14
    assert all(option.name == f"{platform.libc}-{platform.arch}-image" for platform, option in IMAGES.items())


def test_settings_travel(project: Path) -> None:
    """Settings compare by value, hash, and survive a journey to another process."""
    settings = load(project, environ={}, flags={})
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301 -- made one line above
    assert hash(settings) == hash(load(project, environ={}, flags={}))
    assert tuple(option for option, _ in settings.items()) == OPTIONS
    assert {option.name: value for option, value in settings.items()}["jobs"] == 2
    assert settings[IMAGE] == ""


def test_flags_of_the_command_line() -> None:
    """The table has the flags that the commands promise."""
    assert {flag: option.name for flag, option in FLAGS.items()} == {
        "--only": "build", "--skip": "skip", "--archs": "archs", "--enable": "enable", "--engine": "container-engine",
        "--engine-endpoint": "engines", "--cluster": "cluster",
        "--image": "image", "--output-dir": "output-dir", "--jobs": "jobs", "--overwrite": "overwrite",
        "--progress": "progress", "--report-dir": "report-dir",
        "--allow-host-commands": "allow-host-commands", "--allow-empty": "allow-empty",
        "--debug-keep-container": "debug-keep-container", "--debug-traceback": "debug-traceback",
        "--exclude-newer": "exclude-newer", "--sdist": "sdist", "--sandbox": "sandbox",
        "--network": "network", "--locked": "locked",
        "--no-cache": "no-cache", "--rebuild": "rebuild", "--cache-dir": "cache-dir", "--accept": "accept",
    }  # fmt: skip
    assert {flag for flag, option in FLAGS.items() if option.repeatable} == {
        "--only", "--skip", "--archs", "--enable", "--rebuild", "--accept", "--engine-endpoint",
    }  # fmt: skip
    assert {flag for flag, option in FLAGS.items() if not option.metavar} == {
        "--overwrite", "--allow-host-commands", "--allow-empty", "--debug-keep-container", "--debug-traceback",
        "--no-cache", "--sdist", "--locked",
    }  # fmt: skip
