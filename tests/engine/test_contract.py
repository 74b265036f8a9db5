"""What every engine promises: api.py in code. Commands are of the kind that any of them can run or play."""

import os
import resource
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from engine_harness import Harness, run, tar_of, untar
from msgspec.structs import replace

from matrix_runner.engine.api import (
    Container,
    ContainerSpec,
    Ending,
    Engine,
    ExecRequest,
    ImageMetadata,
    PersistentItem,
    PersistentKind,
    Volume,
)
from matrix_runner.engine.docker.docker_engine import DaemonEngine
from matrix_runner.engine.fake.fake_engine import FakeEngine
from matrix_runner.errors import EngineError, ImageError, MachineError


def test_check_says_what_answers(engine: Engine) -> None:
    """A check names the engine, its version and its machine."""
    info = engine.check()
    assert info.name == engine.name
    assert info.version
    assert info.machine


def test_status_is_the_commands_own(container: Container) -> None:
    """Exactly the status that the command gave comes back, and only 0 is success."""
    result, _ = run(container, "sh", "-c", "exit 7")
    assert (result.ending, result.status, result.is_success) == (Ending.EXITED, 7, False)
    assert run(container, "sh", "-c", "echo usable")[0].is_success


def test_a_signal_is_128_more(container: Container) -> None:
    """A command killed by signal N has status 128+N, and nobody adds a word to its output."""
    result, output = run(container, "sh", "-c", "kill -9 $$")
    assert (result.ending, result.status, output) == (Ending.EXITED, 137, b"")


def test_missing_command_is_127(container: Container) -> None:
    """A command that does not exist is a status, not an exception."""
    result, _ = run(container, "no-such-command-anywhere")
    assert (result.ending, result.status) == (Ending.EXITED, 127)


def test_env_is_added_not_replaced(container: Container) -> None:
    """A command sees its own variables, the container's and the image's."""
    output: list[bytes] = []
    request = ExecRequest(argv=("sh", "-c", 'echo $ADDED $GIVEN; test -n "$PATH"'), env=(("ADDED", "it's new"),))
    assert container.exec(request, output.append).is_success
    assert b"".join(output) == b"it's new by the container\n"


def test_cwd_is_applied(container: Container) -> None:
    """A command starts in the directory that it asks for."""
    directory = f"{container.root}/made for this"
    container.put(directory, [tar_of(file=b"x")])
    output: list[bytes] = []
    assert container.exec(ExecRequest(argv=("pwd",), cwd=directory), output.append).is_success
    assert b"".join(output).decode() == f"{directory}\n"


def test_standard_input_is_at_its_end(container: Container) -> None:
    """A command that reads its input ends, and does not hang or eat what is meant for the next one."""
    result, output = run(container, "cat", timeout=20)
    assert (result.is_success, output) == (True, b"")
    assert run(container, "sh", "-c", "echo usable")[1] == b"usable\n"


def test_both_outputs_come_in_order(container: Container) -> None:
    """Standard output and error are one stream, in the order in which they were written."""
    assert run(container, "sh", "-c", "printf 'one'; printf 'two' >&2; printf 'three'")[1] == b"onetwothree"


def test_output_is_unharmed(container: Container) -> None:
    """Bytes come through as they were: NUL, invalid UTF-8, separators, and no newline at the end."""
    _, output = run(container, "sh", "-c", "printf '\\000\\377\\376\\036a\\036 no newline'")
    assert output == b"\x00\xff\xfe\x1ea\x1e no newline"


def test_arguments_are_unharmed(container: Container) -> None:
    """No shell sees the arguments: quotes, dollars, newlines and empty ones arrive as they are."""
    text = "a 'b' \"c\" $HOME `id` \\ \n*\t#é"
    assert run(container, "printf", "%s", text)[1] == text.encode()


@pytest.mark.parametrize(("limit", "ending"), [("timeout", Ending.TIMED_OUT), ("silence", Ending.WENT_SILENT)])
def test_limits_end_a_command(container: Container, limit: str, ending: Ending) -> None:
    """A command over a limit is killed with its children, says why, and leaves the container usable."""
    result, output = run(container, "sh", "-c", "echo before; sleep 1000", **{limit: 0.5})
    assert (result.ending, result.status, output) == (ending, None, b"before\n")
    assert run(container, "sh", "-c", "sleep 1000 & sleep 1000", **{limit: 0.2})[0].ending is ending
    assert run(container, "sh", "-c", "echo usable")[1] == b"usable\n"


def test_archives_round_trip(container: Container) -> None:
    """What was put can be got: a directory that did not exist is made, files and directories come out as tar."""
    directory = f"{container.root}/new/deep"
    data = bytes(range(256)) * 1000
    container.put(directory, iter([tar_of(a=b"", sub__b=data)]))
    with container.get(directory) as stream:
        assert untar(b"".join(stream)) == {"deep/a": b"", "deep/sub/b": data}
    with container.get(f"{directory}/sub/b") as stream:
        assert untar(b"".join(stream)) == {"b": data}


@pytest.mark.parametrize("size", [4 * 1024**2 - 20_000, 4 * 1024**2 + 1, 9 * 1024**2])
def test_archives_of_any_size(container: Container, size: int) -> None:
    """Small archives and large ones may take different ways: the same bytes arrive, and come back."""
    directory, data = f"{container.root}/it's big", os.urandom(size)
    archive = tar_of(file=data)
    container.put(directory, (archive[at : at + 100_000] for at in range(0, len(archive), 100_000)))
    with container.get(f"{directory}/file") as stream:
        assert untar(b"".join(stream)) == {"file": data}
    assert run(container, "sh", "-c", "echo usable")[1] == b"usable\n"


def test_put_needs_an_archive(container: Container) -> None:
    """What is no tar archive is refused, not half unpacked in silence."""
    with pytest.raises(EngineError):
        container.put(f"{container.root}/x", [b"this is no tar archive" * 100])


def test_a_senders_own_error_stays_its_own(container: Container) -> None:
    """What the archive's source raises while it is read comes through as it is."""

    def broken() -> Iterator[bytes]:
        yield tar_of(a=b"x")[:512]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        container.put(f"{container.root}/x", broken())


def test_get_of_what_is_not_there(container: Container) -> None:
    """A missing path is an error of the engine."""
    with pytest.raises(EngineError), container.get(f"{container.root}/nothing/here") as stream:
        list(stream)


def test_get_from_a_dead_container(container: Container) -> None:
    """A container that is gone has no files, and never an empty archive."""
    container.put(f"{container.root}/d", [tar_of(a=b"x")])
    container.kill()
    with pytest.raises(EngineError), container.get(f"{container.root}/d") as stream:
        list(stream)


def test_kill_from_another_thread(container: Container) -> None:
    """A kill ends a running command as lost, within two seconds, and can be repeated."""
    heard = threading.Event()
    request = ExecRequest(argv=("sh", "-c", "echo before; sleep 1000"))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(container.exec, request, lambda _: heard.set())
        assert heard.wait(10)
        container.kill()
        assert running.result(timeout=2).ending is Ending.LOST
    container.kill()
    assert run(container, "sh", "-c", "echo usable")[0].ending is Ending.LOST


def test_leaving_removes_even_after_an_error(engine: Engine, harness: Harness) -> None:
    """Nothing of a container is left when its context is left by an exception."""
    with pytest.raises(ZeroDivisionError), engine.open(harness.spec()) as opened:
        raise ZeroDivisionError
    assert run(opened, "sh", "-c", "echo usable")[0].ending is Ending.LOST


def test_unknown_image(engine: Engine, harness: Harness) -> None:
    """An image that the engine does not have is an error of the image."""
    spec = harness.spec()
    unknown = ContainerSpec(image="sha256:" + "0" * 64, arch=spec.arch, name="cell")
    with pytest.raises(ImageError), engine.open(unknown):
        pass


def test_abort_kills_all_and_refuses_more(engine: Engine, harness: Harness) -> None:
    """After an abort every command has ended as lost, and no container can be opened."""
    heard = threading.Event()
    request = ExecRequest(argv=("sh", "-c", "echo before; sleep 1000"))
    with engine.open(harness.spec("a")) as a, engine.open(harness.spec("b")) as b, ThreadPoolExecutor(1) as pool:
        running = pool.submit(a.exec, request, lambda _: heard.set())
        assert heard.wait(10)
        engine.abort()
        assert running.result(timeout=2).ending is Ending.LOST
        assert run(b, "sh", "-c", "echo usable")[0].ending is Ending.LOST
    with pytest.raises(MachineError), engine.open(harness.spec("c")):
        pass
    engine.abort()


def test_sweep_spares_the_living(engine: Engine, harness: Harness, container: Container) -> None:
    """A sweep by another run takes nothing from a run that lives."""
    other = harness.make("run-b")
    try:
        assert other.sweep() == ()
    finally:
        other.close()
    assert run(container, "sh", "-c", "echo usable")[1] == b"usable\n"
    assert engine.check().name == engine.name


def test_sweep_removes_what_the_dead_left(harness: Harness) -> None:
    """A sweep removes what a run that ended without cleaning up left behind, says so, and finds no more then."""
    dead, living = harness.make("run-dead"), harness.make("run-living")
    context = dead.open(harness.spec())
    left = context.__enter__()
    try:
        harness.die(dead)
        told = living.sweep()
        assert any("run-dead" in line for line in told)
        assert living.sweep() == ()
    finally:
        left.kill()
        context.__exit__(None, None, None)
        dead.close()
        living.close()


def test_snapshot_keeps_the_state(engine: Engine, harness: Harness) -> None:
    """A container opened from a snapshot has the files; when the engine closes, an unnamed snapshot is gone."""
    with engine.open(harness.spec()) as first:
        first.put(f"{first.root}/kept", [tar_of(file=b"content")])
        image = first.snapshot(ImageMetadata(name=None))
    spec = harness.spec()
    kept = ContainerSpec(image=image, arch=spec.arch, name="second")
    with engine.open(kept) as second:
        assert run(second, "cat", f"{second.root}/kept/file")[1] == b"content"
    engine.close()
    other = harness.make("run-b")
    try:
        with pytest.raises(ImageError), other.open(kept):
            pass
    finally:
        other.close()


def test_a_named_snapshot_stays_until_it_is_replaced(engine: Engine, harness: Harness) -> None:
    """It outlives engine and sweeps; the next one of the name can take its place, and then the first is gone."""
    metadata = ImageMetadata(name=f"matrix-runner-test/named:{secrets.token_hex(4)}", replaces=True)
    identities = []
    try:
        for content in (b"one", b"two"):
            maker = harness.make(f"run-{content.decode()}")
            with maker.open(harness.spec()) as container:
                container.put(f"{container.root}/kept", [tar_of(file=content)])
                identities.append(container.snapshot(metadata))
            maker.close()
            engine.sweep()
            kept = ContainerSpec(image=identities[-1], arch=harness.spec().arch, name="kept")
            with engine.open(kept) as found:
                assert run(found, "cat", f"{found.root}/kept/file")[1] == content
        if identities[0] != identities[1]:
            with pytest.raises(ImageError), engine.open(replace(harness.spec(), image=identities[0])):
                pass
    finally:
        if isinstance(engine, DaemonEngine | FakeEngine):
            engine.remove_image(metadata.name or "")


def volume(engine: Engine, *, is_run_only: bool = False) -> Volume:
    """Return a volume of this test alone, with a label; its place is below the root of any container."""
    name = f"matrix-runner-test-{secrets.token_hex(4)}"
    labels = (("matrix-runner.project", engine.owner),)
    return Volume(name=name, target="/matrix/shared", labels=labels, is_run_only=is_run_only)


def write_shared(container: Container) -> None:
    """Let a command of the container write a file into the volume."""
    container.put(f"{container.root}/own", [tar_of(file=b"content")])
    assert run(container, "cp", f"{container.root}/own/file", f"{container.root}/matrix/shared/file")[0].is_success


def kept(engine: Engine, name: str) -> list[PersistentItem]:
    """Return what the engine keeps under a name."""
    return [each for each in engine.persistent_items() if each.name == name]


def test_a_volume_is_shared_and_stays(engine: Engine, harness: Harness) -> None:
    """What one container writes another one reads, in this run and the next; it is listed until it is discarded."""
    shared = volume(engine)
    spec = replace(harness.spec(), volumes=(shared,))
    later = harness.make("run-later")
    try:
        with engine.open(spec) as first, engine.open(spec) as second:
            write_shared(first)
            assert run(second, "cat", f"{second.root}/matrix/shared/file")[1] == b"content"
        engine.close()
        assert later.sweep() == ()
        with later.open(spec) as third:
            assert run(third, "cat", f"{third.root}/matrix/shared/file")[1] == b"content"
        (found,) = kept(later, shared.name)
        assert found.kind is PersistentKind.VOLUME
        assert ("matrix-runner.project", engine.owner) in found.labels
        assert found.size is None or found.size >= len(b"content")
        assert 0 < found.created <= found.used
        later.remove_persistent(found)
        later.remove_persistent(found)
        assert kept(later, shared.name) == []
    finally:
        later.close()


def test_a_volume_is_no_part_of_a_snapshot(engine: Engine, harness: Harness) -> None:
    """A container that is opened from a snapshot, without the volume, does not have what was in it."""
    own = volume(engine, is_run_only=True)
    with engine.open(replace(harness.spec(), volumes=(own,))) as first:
        write_shared(first)
        image = first.snapshot(ImageMetadata(name=None))
    with engine.open(replace(harness.spec(), image=image, volumes=(replace(own, name=f"{own.name}-2"),))) as second:
        assert run(second, "cat", f"{second.root}/matrix/shared/file")[1] != b"content"


def test_a_volume_of_a_run_ends_with_it(engine: Engine, harness: Harness) -> None:
    """It is never listed, and empty for the next run; that of a dead run is swept, and only that."""
    own = volume(engine, is_run_only=True)
    spec = replace(harness.spec(), volumes=(own,))
    with engine.open(spec) as first:
        write_shared(first)
    assert kept(engine, own.name) == []
    dead = harness.make("run-dead")
    with dead.open(replace(spec, volumes=(replace(own, name=f"{own.name}-dead"),))):
        pass
    harness.die(dead)
    assert any("run-dead" in line for line in engine.sweep())
    assert engine.sweep() == ()
    with engine.open(spec) as again:
        assert run(again, "cat", f"{again.root}/matrix/shared/file")[1] == b"content"
    engine.close()
    dead.close()
    later = harness.make("run-later")
    try:
        with later.open(spec) as second:
            assert run(second, "cat", f"{second.root}/matrix/shared/file")[1] != b"content"
    finally:
        later.close()


def test_an_image_kept_is_found_by_later_runs(engine: Engine, harness: Harness) -> None:
    """By its name, with its labels and the bytes that it adds, until it is discarded; what has it open keeps it."""
    name = f"matrix-runner-test/kept:{secrets.token_hex(4)}"
    assert engine.find_persistent_image(name) is None
    with engine.open(harness.spec()) as container:
        container.put(f"{container.root}/kept", [tar_of(file=bytes(100_000))])
        container.snapshot(
            ImageMetadata(name=name, labels=(("matrix-runner.key", "k"),), replaces=True, is_persistent=True)
        )
    engine.close()
    later = harness.make("run-later")
    try:
        assert later.sweep() == ()
        image = later.find_persistent_image(name)
        assert image is not None
        with later.open(replace(harness.spec(), image=image.id)) as found:
            assert len(run(found, "cat", f"{found.root}/kept/file")[1]) == 100_000
            # What is made of it is something else: it is not listed, nor found.
            other = found.snapshot(ImageMetadata(name=None))
        (listed,) = [each for each in later.persistent_items() if ("matrix-runner.key", "k") in each.labels]
        assert listed.kind is PersistentKind.IMAGE
        assert listed.size is None or listed.size == 0 or 100_000 <= listed.size < 10_000_000
        assert 0 < listed.created <= listed.used
        assert other != image.id
    finally:
        later.close()
    for each in later.persistent_items():
        if ("matrix-runner.key", "k") in each.labels:
            later.remove_persistent(each)
    assert later.find_persistent_image(name) is None


def test_an_image_that_only_has_the_name_is_not_one_kept(engine: Engine, harness: Harness) -> None:
    """Whatever else was put under the name is left alone, and never taken for what an earlier run has made."""
    name = f"matrix-runner-test/named:{secrets.token_hex(4)}"
    try:
        with engine.open(harness.spec()) as container:
            container.snapshot(ImageMetadata(name=name, replaces=True))
        assert engine.find_persistent_image(name) is None
    finally:
        if isinstance(engine, DaemonEngine | FakeEngine):
            engine.remove_image(name)


def test_large_output_needs_no_memory(container: Container) -> None:
    """200 MB in one line pass through without being gathered anywhere."""
    size = 0

    def count(piece: bytes) -> None:
        nonlocal size
        size += len(piece)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    container.exec(ExecRequest(argv=("sh", "-c", "head -c 200000000 /dev/zero")), count)
    assert size == 200_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


def test_a_daemon_does_not_hang_a_command(container: Container) -> None:
    """A child that stays in the background with the output open does not keep its parent's end from us."""
    began = time.monotonic()
    result, output = run(container, "sh", "-c", "sleep 30 & echo now", timeout=20)
    assert (result.is_success, output) == (True, b"now\n")
    assert time.monotonic() - began < 15
