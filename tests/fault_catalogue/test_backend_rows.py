"""Rows 20 to 34: whatever the build backend, or the container, does."""

import os
import subprocess

import pytest
from fault_trial import ALL_FOUR, NARROW, NARROW_13, WIDE, WIDE_13, Trial

LITTLE_MEMORY = ("prlimit", "--data=500000000")
"""Half of what the container hands out; a run takes a tenth of it."""


@pytest.mark.row(20)
def test_no_wheel_and_two(trial: Trial) -> None:
    """The cells in which there is one deliver it."""
    project = trial.project(deeds={WIDE: "no wheel", NARROW: "two wheels"})
    ended = trial.check(trial.build(project, only=ALL_FOUR), code=5, wheels=2)
    failures = {WIDE: ("rejected", "left no wheel"), NARROW: ("rejected", "gave 2 wheels, not one")}
    trial.check_failures(ended, failures)


@pytest.mark.row(21)
def test_another_wheel(trial: Trial) -> None:
    """For another Python; without code; of another project, left by the repair command."""
    swap = "sh -c 'cp {wheel} {dest_dir}/other-1-cp313-cp313-linux_i686.whl'"
    settings = f"""
overrides = [
  {{ select = "{NARROW_13}", repair-wheel-command = "{swap}" }},
]
"""
    deeds = {NARROW: "another tag", WIDE_13: "pure"}
    ended = trial.check(trial.build(trial.project(settings, deeds=deeds), only=ALL_FOUR), code=5, wheels=1)
    failures = {
        NARROW: ("rejected", "is for cp27-cp27; the cell's interpreter is cp311-cp311"),
        WIDE_13: ("rejected", "holds no compiled code"),
        NARROW_13: ("rejected", "other-1-cp313-cp313-linux_i686.whl"),
    }
    trial.check_failures(ended, failures)


@pytest.mark.row(22)
def test_no_archive(trial: Trial) -> None:
    """Neither for us nor for the repair."""
    project = trial.project(deeds={WIDE: "no archive", NARROW: "no archive"})
    ended = trial.check(trial.build(project, only=ALL_FOUR), code=5, wheels=2)
    failures = dict.fromkeys((WIDE, NARROW), ("rejected", "is not a zip archive"))
    trial.check_failures(ended, failures)


@pytest.mark.row(23)
def test_hostile_members(trial: Trial) -> None:
    """As the backend wrote them: a repair unpacks in the container, and packs files with plain names."""
    deeds = {WIDE: "leads out", NARROW: "link", WIDE_13: "a name twice", NARROW_13: "bomb"}
    project = trial.project('repair-wheel-command = ""', deeds=deeds)
    ended = trial.check(trial.build(project, only=ALL_FOUR), code=5, wheels=0)
    failures = {
        WIDE: ("rejected", "outside"),
        NARROW: ("rejected", "link"),
        WIDE_13: ("rejected", "twice"),
        NARROW_13: ("rejected", "a zip bomb, or next to one"),
    }
    trial.check_failures(ended, failures)
    assert not list(trial.place.rglob("outside*"))


@pytest.mark.row(24)
def test_a_wrong_hash(trial: Trial) -> None:
    """In RECORD, of the wheel as it was built: repairing writes another one."""
    project = trial.project('repair-wheel-command = ""', deeds={WIDE: "wrong hash"})
    ended = trial.check(trial.build(project, only="cp3{11,13}-manylinux_x86_64"), code=5, wheels=0)
    failures = {WIDE: ("rejected", "RECORD"), WIDE_13: ("rejected", "linux_x86_64")}
    trial.check_failures(ended, failures)


@pytest.mark.row(25)
def test_a_hostile_archive(trial: Trial) -> None:
    """The container's `tar` was replaced by the build."""
    project = trial.project(deeds={WIDE: "replace tar"})
    ended = trial.check(trial.build(project, only=f"{WIDE} {WIDE_13}"), code=5, wheels=1)
    trial.check_failures(ended, {WIDE: ("rejected", "outside")})
    assert not list(trial.place.rglob("outside*"))


@pytest.mark.row(26)
@pytest.mark.parametrize("deed", ["gigabyte of lines", "gigabyte in one line"])
def test_a_gigabyte_of_log(trial: Trial, deed: str) -> None:
    """With half of that as memory; the wheel comes all the same."""
    ended = trial.build(trial.project(deeds={WIDE: deed}), prefix=LITTLE_MEMORY)
    trial.check(ended, code=0, wheels=1)
    assert len(trial.log(ended)) < 110_000_000
    assert b"left out" in trial.log(ended)


@pytest.mark.row(27)
def test_odd_bytes(trial: Trial) -> None:
    """As they are in the log; on the terminal no control sequence, neither of 7 nor of 8 bits."""
    ended = trial.build(trial.project(deeds={WIDE: "bytes"}), "-v")
    trial.check(ended, code=0, wheels=1)
    assert b"begin \0 \xff\xfe \x1b[31mred\x1b]0;title\x07 \x9b2J end\n" in trial.log(ended)
    assert "red" in ended.output
    for character in ("\0", "\x1b]", "\x1b[31m", "\x07", "\x9b"):
        assert character not in ended.output


@pytest.mark.row(28)
@pytest.mark.parametrize(
    ("variables", "commands"),
    [
        ({"GITHUB_ACTIONS": "true"}, ("::set-output",)),
        ({"TF_BUILD": "True"}, ("##vso[task.setvariable",)),
        ({"TEAMCITY_VERSION": "2026"}, ("##teamcity[setParameter",)),
    ],
)
def test_commands_to_ci(trial: Trial, variables: dict[str, str], commands: tuple[str, ...]) -> None:
    """None stands where that system would take it for one, unless all of them were switched off before."""
    ended = trial.check(trial.build(trial.project(deeds={WIDE: "commands"}), variables=variables), code=0, wheels=1)
    assert commands[0].encode() in trial.log(ended)
    is_heard, until = True, ""
    for line in ended.output.splitlines():
        if until and line == f"::{until}::":
            is_heard, until = True, ""
        elif line.startswith("::stop-commands::"):
            is_heard, until = False, line.removeprefix("::stop-commands::")
        elif is_heard:
            assert not any(command in line for command in commands), line


@pytest.mark.row(29)
@pytest.mark.limits
def test_out_of_memory(trial: Trial) -> None:
    """The limit is named, and the other cell has its own."""
    project = trial.project('memory = "200MB"', deeds={WIDE: "memory"})
    ended = trial.check(trial.build(project, only=f"{WIDE} {WIDE_13}"), code=1, wheels=1)
    trial.check_failures(ended, {WIDE: ("out-of-memory", "memory")})


@pytest.mark.row(30)
@pytest.mark.parametrize("command", ["kill", "rm"])
def test_a_container_goes(trial: Trial, command: str) -> None:
    """Killed or removed from outside, once: the second attempt delivers the wheel."""
    project = trial.project(deeds={WIDE: "wait"})
    with trial.started(project) as run:
        run.reached("the backend begins")
        (container,) = trial.rig.container_ids()
        trial.rig.docker(*(("kill",) if command == "kill" else ("rm", "--force")), container)
        ended = run.ended()
    trial.check(ended, code=0, says="beginning anew", wheels=1)


@pytest.mark.row(31)
@pytest.mark.parametrize(
    ("deed", "setting", "reason"),
    [
        ("hang", "silence-timeout = 4", "silence"),
        ("hang talking", "step-timeout = 6", "timeout"),
    ],
)
def test_a_step_that_hangs(trial: Trial, deed: str, setting: str, reason: str) -> None:
    """All its processes are ended, also one that hears no SIGTERM; the other cell's wheel is there."""
    project = trial.project(setting, deeds={WIDE: deed})
    ended = trial.check(trial.build(project, only=f"{WIDE} {WIDE_13}"), code=1, wheels=1)
    trial.check_failures(ended, {WIDE: (reason, "stopped after")})
    assert b"the backend begins" in trial.log(ended)


@pytest.mark.row(32)
@pytest.mark.limits
def test_a_fork_bomb(trial: Trial) -> None:
    """The limit holds, and the build goes on."""
    project = trial.project(deeds={WIDE: "fork bomb"})
    ended = trial.build(project, engine="; create-args: --pids-limit=300")
    trial.check(ended, code=0, wheels=1)
    assert b"no more processes" in trial.log(ended)


@pytest.mark.row(33)
def test_a_process_that_is_left(trial: Trial) -> None:
    """It would live for five minutes; nobody waits for it."""
    ended = trial.build(trial.project("step-timeout = 120", deeds={WIDE: "leave a process"}))
    trial.check(ended, code=0, wheels=1)


@pytest.mark.row(34)
def test_secrets(trial: Trial) -> None:
    """What is not named stays outside, what is named is masked, in every file."""
    project = trial.project('environment-pass = ["UPLOAD_TOKEN"]', deeds={WIDE: "environment"})
    secrets = {"UPLOAD_TOKEN": "canary-in-the-cell", "OTHER_TOKEN": "canary-outside"}
    ended = trial.check(trial.build(project, variables={**secrets, **trial.kept}), code=0, wheels=1)
    assert b"UPLOAD_TOKEN=" in trial.log(ended)
    assert b"OTHER_TOKEN" not in trial.log(ended)
    found = subprocess.run(
        ("grep", "--recursive", "--files-with-matches", "--fixed-strings", "canary-", os.fspath(trial.place)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""
    assert "canary-" not in ended.output
