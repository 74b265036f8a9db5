"""A container in which packages are built by `build` and by our own frontend, side by side, and the wheels compared."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from engine_surroundings import surroundings

from matrix_runner import catalog
from matrix_runner.archives import archive_of
from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.engine.api import Container, ContainerSpec, ExecRequest
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.engine.hearing import Hearing
from matrix_runner.model.cells import Cell
from matrix_runner.recipe.frontends.own_frontend import with_programs
from matrix_runner.recipe.layout import Layout

LAYOUT = Layout(root="")

# Members in their order, with times, permissions, compression and content. Some projects put paths into their wheels
# that have a random name, of `build` or meson-python: then RECORD cannot be the same but in the paths that it lists.
_COMPARE = """
import re, sys, zipfile
def read(path):
    with zipfile.ZipFile(path) as archive:
        for one in archive.infolist():
            content = archive.read(one)
            if one.filename.endswith(".dist-info/RECORD"):
                content = b",".join(sorted(line.split(b",")[0] for line in content.splitlines()))
            content = re.sub(rb"/tmp/build-env-\\w+|/matrix/isolated|[.]mesonpy-\\w+", b"", content)
            yield one.filename, one.date_time, one.external_attr, one.compress_type, content
theirs, ours = (list(read(path)) for path in sys.argv[1:])
print([one[0] for one in theirs if one not in ours] + [one[0] for one in ours if one not in theirs])
print(theirs == ours)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """Builds in a container with the interpreter of a cell. `python`: its directory below `/opt/python`."""

    container: Container
    python: str

    def put(self, sdist: Path) -> None:
        """Put an sdist into the container."""
        self.container.put("/sdist", archive_of(sdist, "package.tar.gz"))

    def build(self, frontend: str, *words: str, variables: tuple[str, ...] = ()) -> tuple[int, str]:
        """Build the unpacked sdist: `uv` and `pip` are our own frontend with that installer, `build` is the peer.

        The wheel is in `/FRONTEND`. Return the exit status and the output. `variables`: `NAME=value`.
        """
        fresh = "rm -rf /project /$1; mkdir /project; tar -xf /sdist/package.tar.gz -C /project --strip-components 1"
        start = ("sh", "-c", f'{fresh}; shift; cd /project; exec "$@"', "sh", frontend, "env", *variables)
        common = (LAYOUT.project, "--wheel", f"--outdir=/{frontend}", *words)
        if frontend == "build":
            return self.run(*start, "python", "-m", "build", "--installer=uv", *common)
        program = ("python", "-I", f"{LAYOUT.frontend}/build_frontend.py")
        kept = f"--bytecode={LAYOUT.bytecode}"
        where = (f"--environment={LAYOUT.isolated_environment}", f"--installer={frontend}", kept)
        return self.run(*with_programs(LAYOUT, (*start, *program, *common, *where)))

    def difference(self, theirs: str, ours: str) -> str:
        """Return what is different in the wheels of two frontends; "" for nothing, in their names neither."""
        compare = f'a=$(cd /{theirs} && ls); b=$(cd /{ours} && ls); [ "$a" = "$b" ] || echo "$a, $b"; '
        status, said = self.run("sh", "-c", f'{compare} python -c "$1" /{theirs}/*.whl /{ours}/*.whl', "sh", _COMPARE)
        return "" if status == 0 and said.split() == ["[]", "True"] else said

    def run(self, *argv: str) -> tuple[int, str]:
        """Run a command with the interpreter first on PATH."""
        output = bytearray()
        env = (
            ("PATH", f"/opt/python/{self.python}/bin:/usr/local/bin:/usr/bin:/bin"),
            ("SOURCE_DATE_EPOCH", "1700000000"),
            ("UV_CACHE_DIR", f"{LAYOUT.downloads}/uv"),
            ("MAKEFLAGS", "-j2"),
        )
        ended = self.container.exec(ExecRequest(argv=argv, env=env, cwd="/", timeout=1200), output.extend)
        return 1 if ended.status is None else ended.status, output.decode("utf-8", "replace")


@contextmanager
def open_bench(identifier: str, families: tuple[str, ...], state: Path, memory: str = "256m") -> Iterator[Bench]:
    """Open a container of the image that serves a cell. `memory`: the size of the environment's file system."""
    cell, known = Cell.parse(identifier), catalog.load()
    found = (family for name in families for family in known.families(name))
    image = next(family.reference(cell.platform.arch) for family in found if family.serves(cell.platform))
    assert image is not None
    arguments = ContainerArguments(tmpfs=((LAYOUT.isolated_environment, f"rw,exec,size={memory}"),))
    engine = DockerEngine(run=f"bench-{state.name}", surroundings=surroundings(state))
    try:
        made = engine.resolve(image, cell.platform.arch, Hearing()).id
        spec = ContainerSpec(image=made, arch=cell.platform.arch, name=f"bench-{cell}", arguments=arguments)
        with engine.open(spec) as container:
            directories = known.known(cell.interpreter).directories
            test = " || ".join(f"(test -d /opt/python/{one} && echo {one})" for one in directories)
            bench = Bench(container=container, python="")
            yield replace(bench, python=bench.run("sh", "-c", test)[1].strip())
    finally:
        engine.close()
