"""Making images from end to end on fakes: what is made, what is kept, and what is left after a failure."""

import hashlib
from pathlib import Path

import msgspec
import pytest
from image_machine import FakeMachine, serving

from matrix_runner.engine.fake.fake_engine import FakeCall, FakeEngine, FakeHost, FakeResult, Script
from matrix_runner.errors import MachineError, UsageError
from matrix_runner.image.build_progress import BuildProgress, Stage
from matrix_runner.image.image_build import build_images, ensure_images
from matrix_runner.image.image_builder import ImageBuilder
from matrix_runner.image.image_manifest import ImageManifest, SourcePackage, load_manifests
from matrix_runner.image.image_recipe import LABEL_ROOT
from matrix_runner.image.image_request import ImageRequest, ImageTarget, requests_of
from matrix_runner.model.platforms import Arch, Platform

_NAME = "matrix-runner/manylinux_2_31_x86_64:latest"
_TWO = frozenset(("cp39-cp39", "cp313-cp313"))
_THREE = _TWO | {"cp311-cp311"}


def _compile(call: FakeCall) -> FakeResult:
    """Do what is seen from outside: `make install` leaves an interpreter in its directory."""
    argv = call.request.argv
    if any("make -s install" in word for word in argv):
        return FakeResult(files=((f"{argv[5]}/bin/python", argv[5].encode()),))
    return FakeResult()


def _failing_for(directory: str, status: int = 2) -> Script:
    def script(call: FakeCall) -> FakeResult:
        if "./configure" in call.request.argv and f"--prefix=/opt/python/{directory}" in call.request.argv:
            return FakeResult(status=status, output=(b"no \x1b[31mcompiler\n",))
        return _compile(call)

    return script


@pytest.fixture
def manifest() -> ImageManifest:
    """Return the data file as it is shipped, but for sources that a fake mirror can serve."""
    real = load_manifests()[0]
    sources = {
        key: SourcePackage(
            package=source.package,
            file=source.file,
            sha256=hashlib.sha256(source.file.encode()).hexdigest(),
        )
        for key, source in real.sources.items()
    }
    return msgspec.structs.replace(real, sources=sources)


class Bench:
    """A daemon and a cache that stay, with a new engine and machine for each run."""

    def __init__(self, cache: Path, manifest: ImageManifest) -> None:
        self.cache = cache
        self.host = FakeHost()
        self.manifest = manifest
        self.progress: list[BuildProgress] = []
        self.notices: list[str] = []
        self.machine: FakeMachine
        self.engine: FakeEngine

    def builder(self, script: Script = _compile) -> ImageBuilder:
        """Begin a run."""
        self.progress.clear()
        self.machine = serving({source.file: source.file.encode() for source in self.manifest.sources.values()})
        self.engine = FakeEngine(script, host=self.host)
        return ImageBuilder(
            engine=self.engine,
            host=self.machine,
            cache=self.cache,
            on_progress=self.progress.append,
            workers=2,
            mirror="http://mirror.example/debian",
        )

    def build(self, wanted: frozenset[str], *, rebuild: bool = False, script: Script = _compile) -> None:
        """Make the image for x86_64."""
        build_images([self.request(wanted)], self.builder(script), rebuild=rebuild)

    def request(self, wanted: frozenset[str], arch: Arch = Arch.X86_64) -> ImageRequest:
        """Return the request for an image of the manifest."""
        return ImageRequest(target=ImageTarget(manifest=self.manifest, arch=arch), interpreters=wanted)

    def parts(self, stage: Stage) -> set[str]:
        """Return what was told to have come to this."""
        return {progress.part for progress in self.progress if progress.stage is stage}

    def pythons(self, name: str = _NAME) -> set[str]:
        """Return the interpreters in an image."""
        files = self.host.images[name][1]
        return {path.split("/")[3] for path in files if path.startswith("/opt/python/") and path.endswith("/python")}


@pytest.fixture
def bench(tmp_path: Path, manifest: ImageManifest) -> Bench:
    """Return a machine on which no image has been made yet."""
    return Bench(tmp_path / "cache", manifest)


def test_an_image_has_the_interpreters_that_were_asked_for(bench: Bench) -> None:
    """What was compiled in containers of its own is all in the one image, which says so."""
    (made,) = build_images([bench.request(_THREE)], bench.builder())
    assert bench.pythons() == _THREE
    assert made.reference == _NAME
    assert made.interpreters == _THREE
    assert bench.parts(Stage.COMPILED) == _THREE


def test_both_widths_are_made_in_one_run(bench: Bench) -> None:
    """The sources, which are the same for both, are fetched once."""
    build_images([bench.request(_TWO), bench.request(_THREE, Arch.I686)], bench.builder())
    assert bench.pythons() == _TWO
    assert bench.pythons("matrix-runner/manylinux_2_31_i686:latest") == _THREE
    addresses = [word for command in bench.machine.commands for word in command if "/pool/" in word]
    assert len(set(addresses)) == len(addresses) == len(_THREE)


def test_an_unchanged_image_is_not_made_again(bench: Bench) -> None:
    """A second `image build` opens no container and asks no mirror."""
    bench.build(_TWO)
    bench.build(_TWO)
    assert bench.parts(Stage.KEPT) == {"image"}
    assert bench.engine.commands == []
    assert bench.machine.commands == []


def test_one_interpreter_more_compiles_only_that_one(bench: Bench) -> None:
    """Nothing is fetched and compiled a second time to add a Python; those of before stay."""
    bench.build(_TWO)
    bench.build(frozenset(("cp311-cp311",)))
    assert bench.parts(Stage.COMPILED) == {"cp311-cp311"}
    assert bench.parts(Stage.REUSED) == {"Debian", *_TWO}
    assert bench.pythons() == _THREE


def test_rebuild_compiles_everything_again(bench: Bench) -> None:
    """What was fetched is kept; what was made of it is not. The image of before is gone, the name is not."""
    bench.build(_TWO)
    before = bench.host.images[_NAME][0].id
    bench.build(_TWO, rebuild=True)
    assert bench.parts(Stage.COMPILED) == _TWO
    assert bench.machine.commands == []
    assert before not in bench.host.images
    assert bench.pythons() == _TWO


def test_a_failed_step_is_told_with_its_last_lines_and_its_log(bench: Bench) -> None:
    """The message says which interpreter and step; its text cannot steer the terminal."""
    with pytest.raises(MachineError, match=r"'configured' of cp39-cp39-manylinux_2_31_x86_64 \(status 2\)") as caught:
        bench.build(_TWO, script=_failing_for("cp39-cp39"))
    assert "compiler" in caught.value.message
    assert "\x1b" not in caught.value.message
    assert str(bench.cache / "logs" / "cp39-cp39-manylinux_2_31_x86_64.log") in (caught.value.hint or "")


def test_after_a_failure_nothing_runs_and_nothing_is_half_made(bench: Bench) -> None:
    """No container is left, and no image under the name."""
    with pytest.raises(MachineError):
        bench.build(_TWO, script=_failing_for("cp39-cp39"))
    assert bench.host.containers == {}
    assert _NAME not in bench.host.images


def test_after_a_failure_the_next_run_goes_on(bench: Bench) -> None:
    """What had been compiled by then is not compiled again."""
    bench.build(frozenset(("cp313-cp313",)))
    with pytest.raises(MachineError):
        bench.build(_TWO, script=_failing_for("cp39-cp39"))
    bench.build(_TWO)
    assert bench.parts(Stage.COMPILED) == {"cp39-cp39"}
    assert bench.pythons() == _TWO


def test_what_a_killed_build_left_is_removed(bench: Bench) -> None:
    """Half a root filesystem is half a gigabyte."""
    scrap = bench.cache / "root-abc"
    scrap.mkdir(parents=True)
    (scrap / "amd64.tar").write_bytes(b"half")
    bench.build(_TWO)
    assert not scrap.exists()


def test_a_changed_root_replaces_the_former_one(bench: Bench) -> None:
    """A bump does not pile up root filesystems that nothing is made of any more."""
    bench.build(_TWO)
    root = msgspec.structs.replace(bench.manifest.root, packages=(*bench.manifest.root.packages, "gfortran"))
    bench.manifest = msgspec.structs.replace(bench.manifest, root=root)
    bench.build(_TWO)
    names = {
        image.reference for image in bench.engine.images(LABEL_ROOT) if "root_of_manylinux_2_31" in image.reference
    }
    assert len(names) == 1
    assert bench.parts(Stage.COMPILED) == _TWO
    assert len(list((bench.cache / "interpreters").iterdir())) == len(_TWO)


def test_an_interpreter_without_a_recipe_is_refused_first(bench: Bench) -> None:
    """Nothing is started for a mistake on the command line."""
    with pytest.raises(UsageError, match="cp312-cp312"):
        bench.build(frozenset(("cp312-cp312",)))
    assert bench.machine.commands == []


def test_the_first_use_makes_what_the_build_needs(bench: Bench) -> None:
    """`--image debian` just works, and says that it takes a while."""
    ensure_images([bench.request(_TWO)], bench.builder(), bench.notices.append)
    assert bench.pythons() == _TWO
    assert any("x86_64" in notice for notice in bench.notices)


def test_the_second_use_makes_nothing(bench: Bench) -> None:
    """Nor does it say a word."""
    bench.build(_THREE)
    ensure_images([bench.request(_TWO)], bench.builder(), bench.notices.append)
    assert bench.engine.commands == []
    assert bench.notices == []


def test_an_image_by_an_older_recipe_serves_and_says_so(bench: Bench) -> None:
    """Nobody who builds wheels waits ten minutes for a newer pip that he did not ask for."""
    bench.build(_TWO)
    bench.manifest = msgspec.structs.replace(bench.manifest, version="next")
    ensure_images([bench.request(_TWO)], bench.builder(), bench.notices.append)
    assert bench.engine.commands == []
    assert any("runner image build" in notice for notice in bench.notices)


def test_an_interpreter_that_cannot_be_made_is_left_to_the_preflight(bench: Bench) -> None:
    """A matrix with cp312 in it runs the other cells; what the image lacks is told with its cell."""
    platform = Platform.parse("manylinux_x86_64")
    wanted = [(_NAME.partition(":")[0], platform, (f"{tag}-{tag}",)) for tag in ("cp313", "cp312")]
    (request,) = requests_of(wanted, (bench.manifest,), lambda _: False)
    assert request == bench.request(frozenset(("cp313-cp313",)))


def test_the_first_directory_that_an_image_can_have_is_taken() -> None:
    """A PyPy of today and one of yesterday are one interpreter in the plan, with a directory each."""
    both = ("pp311-pypy311_pp80", "pp311-pypy311_pp73")
    wanted = [("matrix-runner/manylinux_2_41_x86_64", Platform.parse("manylinux_x86_64"), both)]
    (request,) = requests_of(wanted, load_manifests(), lambda _: False)
    assert request.interpreters == {"pp311-pypy311_pp73"}


def test_an_image_of_debian_interpreters_compiles_none(bench: Bench) -> None:
    """Where the architecture is emulated, its root is only unpacked, and no source is fetched."""
    bench.manifest = load_manifests()[1]
    target = ImageTarget(manifest=bench.manifest, arch=Arch.S390X, is_emulated=True)
    (made,) = build_images([ImageRequest(target=target)], bench.builder())
    assert made.reference == "matrix-runner/manylinux_2_36_s390x:latest"
    assert made.interpreters == {"cp311-cp311"}
    (command,) = bench.machine.commands
    assert "--variant=extract" in command
    assert "--architectures=s390x" in command
    venv = ("/usr/bin/python3.11", "-m", "venv", "--without-pip", "/opt/python/cp311-cp311")
    assert venv in [call.request.argv for call in bench.engine.commands]


def test_a_root_is_prepared_once(bench: Bench) -> None:
    """The libraries of the musl image are compiled in its root, from sources that lie there, not for each Python."""
    real = load_manifests()[3]
    sources = {
        key: msgspec.structs.replace(source, rolling=(), sha256=hashlib.sha256(source.file.encode()).hexdigest())
        for key, source in real.sources.items()
    }
    bench.manifest = msgspec.structs.replace(real, sources=sources)
    bench.build(frozenset(("cp313-cp313",)))
    assert bench.parts(Stage.COMPILED) == {"libraries", "cp313-cp313"}
    prepared = [call for call in bench.engine.commands if real.scripts[0][1] in call.request.argv]
    assert len(prepared) == 1
    root = next(image for image in bench.host.images.values() if image[0].reference.count("root_of_musllinux_1_2"))
    assert dict(root[0].labels)[LABEL_ROOT]
    assert not [name for name in bench.host.images if name.endswith("-bare")]
    bench.build(frozenset(("cp311-cp311",)))
    assert bench.parts(Stage.COMPILED) == {"cp311-cp311"}
    assert bench.pythons("matrix-runner/musllinux_1_2_x86_64:latest") == {"cp311-cp311", "cp313-cp313"}
