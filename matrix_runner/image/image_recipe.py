"""The recipe of an image: from architecture, interpreters and versions to build steps with a digest. Pure.

Its parts are separate so that each is built once: a root filesystem, an interpreter (compiled in its own container, so
that several compile at a time and adding one costs only that one), and the image that combines them.
"""

import hashlib

import msgspec

from matrix_runner.image import image_scripts as scripts
from matrix_runner.image.image_manifest import ENTRYPOINT, ImageManifest, InterpreterData, SourcePackage
from matrix_runner.image.image_request import ImageTarget
from matrix_runner.image.image_scripts import BUILD_DIRECTORY, PYTHONS, ImageStep
from matrix_runner.model.platforms import Arch

LABEL = "matrix-runner.image.recipe"
LABEL_ROOT = "matrix-runner.image.root"
"""On a root filesystem and its derived images: an image inherits its parent's labels."""
LABEL_ARCH = "matrix-runner.image.arch"
LABEL_INTERPRETERS = "matrix-runner.image.interpreters"
LABEL_VERSION = "matrix-runner.image.version"
LABEL_PYTHONS = "matrix-runner.image.pythons"
"""The interpreters' versions, which the recipe of one from a rolling suite does not know: `cp315-cp315=3.15.2`."""

_TOOLS = "/opt/_internal/tools"
_HOST_BUNDLE = "/etc/matrix-runner"

# Complete lists of pinned packages: pip resolves nothing, and everything is byte-compiled once, at the end.
_QUIETLY = ("--quiet", "--no-cache-dir", "--disable-pip-version-check", "--no-deps", "--no-compile")
# Prerequisites of installing a source package (scandir, for 2.7).
_INSTALLERS = frozenset({"pip", "setuptools", "wheel"})


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """A root filesystem: a Debian release with packages, under Debian's architecture name.

    `tag`: the platform tag of the images that it is for. `is_unpacked`: no program of it has run, so that it has no
    database of packages. `steps`: what is done in it, with `sources` in the build directory, before it serves;
    `environment`: its variables from then on.
    """

    tag: str
    arch: Arch
    debian_arch: str
    suite: str
    packages: tuple[str, ...]
    is_unpacked: bool
    sources: tuple[SourcePackage, ...]
    steps: tuple[ImageStep, ...]
    environment: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """SHA-256 of all its inputs."""
        return _digest(self)


class Compilation(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter: from its source to a complete directory under /opt/python, with pip and build."""

    root: str
    directory: str
    source: SourcePackage
    steps: tuple[ImageStep, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of all its inputs, including the root filesystem that it is compiled on."""
        return _digest(self)


class ImageRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """The complete recipe of an image. Recipes with the same digest give equivalent images.

    `interpreters`: the directories under /opt/python, of which `compilations` makes some, and `steps` the others.
    """

    name: str
    tag: str
    arch: Arch
    version: str
    root: Root
    interpreters: tuple[str, ...]
    compilations: tuple[Compilation, ...]
    steps: tuple[ImageStep, ...]
    environment: tuple[tuple[str, str], ...]
    entrypoint: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the fields above, compared with the image's label."""
        return _digest(self)

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Labels of the finished image."""
        return (
            (LABEL, self.digest),
            (LABEL_ARCH, self.arch.tag),
            (LABEL_INTERPRETERS, " ".join(self.interpreters)),
            (LABEL_VERSION, self.version),
        )


def write_recipe(target: ImageTarget, wanted: frozenset[str]) -> ImageRecipe:
    """Write the recipe of an image with the wanted interpreters.

    The interpreter that carries the tools is always included. Raise UsageError for an impossible one.
    """
    manifest = target.manifest
    selected = manifest.select(wanted)
    places = {"policy": manifest.policy, "arch": target.arch.tag}
    environment = tuple((key, text.format_map(places)) for key, text in manifest.environment.items())
    root = _root(target, selected, environment)
    return ImageRecipe(
        name=target.name,
        tag=target.tag,
        arch=target.arch,
        version=manifest.version,
        root=root,
        interpreters=tuple(interpreter.directory for interpreter in selected),
        compilations=tuple(
            _compilation(root, interpreter, manifest.sources[interpreter.source], manifest)
            for interpreter in selected
            if interpreter.source is not None
        ),
        steps=_assembly(root, selected, manifest),
        environment=environment,
        entrypoint=(ENTRYPOINT,),
    )


def _root(target: ImageTarget, selected: tuple[InterpreterData, ...], environment: tuple[tuple[str, str], ...]) -> Root:
    data = target.manifest.root
    steps = tuple(scripts.shell(name, text, BUILD_DIRECTORY) for name, text in target.manifest.scripts)
    clean = scripts.shell("cleaned", scripts.CLEAN, BUILD_DIRECTORY, _HOST_BUNDLE)
    is_unpacked = target.is_emulated and bool(data.base)
    names = {*data.packages, *(name for each in selected for name in each.debian), *(data.base if is_unpacked else ())}
    return Root(
        tag=target.tag,
        arch=target.arch,
        debian_arch=data.architectures[target.arch.tag],
        suite=data.suite,
        packages=tuple(sorted(names)),
        is_unpacked=is_unpacked,
        sources=tuple(target.manifest.sources[key] for key in data.sources),
        steps=(*steps, clean) if steps else (),
        environment=environment if steps else (),
    )


def _compilation(root: Root, data: InterpreterData, source: SourcePackage, manifest: ImageManifest) -> Compilation:
    prefix = f"{PYTHONS}/{data.directory}"
    python = f"{prefix}/bin/python"
    packages = manifest.packages[data.packages]
    first = tuple(package for package in packages if package.partition("==")[0] in _INSTALLERS)
    rest = tuple(package for package in packages if package not in first)
    tree = f"{BUILD_DIRECTORY}/tree"
    # 62 s and 27 MB instead of the default's 150 s and 284 MB (measured). Extension modules are not affected:
    # `scripts.INSTALL` sets upstream's -O3 for them.
    optimise = (("OPT", "-O1 -g0 -fwrapv -DNDEBUG"),)
    configure = ("./configure", "-q", f"--prefix={prefix}", "--without-ensurepip", *data.configure)
    return Compilation(
        root=root.digest,
        directory=data.directory,
        source=source,
        steps=(
            scripts.shell("unpacked", scripts.UNPACK, source.stored, tree),
            scripts.compiling("configured", configure, tree, optimise),
            scripts.shell("compiled", 'make -s -j"$(nproc)"', cwd=tree),
            scripts.shell("installed", scripts.INSTALL, prefix, data.program, cwd=tree),
            scripts.shell("trimmed", scripts.TRIM, prefix),
            scripts.shell("pip", scripts.BOOTSTRAP, prefix, *_QUIETLY, *first),
            scripts.run("packages", (python, "-m", "pip", "install", *_QUIETLY, *rest)),
            scripts.shell("precompiled", scripts.PRECOMPILE, prefix),
        ),
    )


def _assembly(root: Root, selected: tuple[InterpreterData, ...], manifest: ImageManifest) -> tuple[ImageStep, ...]:
    tools = manifest.tools
    python = f"{PYTHONS}/{manifest.tool_interpreter}/bin/python"
    programs = {
        data.program: f"{PYTHONS}/{data.directory}/bin/{data.program}" for data in selected if data.source is not None
    }
    links = {**programs, **{command: f"{_TOOLS}/bin/{command}" for command in tools.commands}}
    return (
        scripts.shell("completed", scripts.COMPLETE) if root.is_unpacked else scripts.shell("apt", scripts.FETCH_LISTS),
        *(step for data in selected if data.source is None for step in _environment_of(data, manifest)),
        scripts.run("tools", (python, "-m", "venv", "--without-pip", _TOOLS)),
        scripts.run("tools", (python, "-m", "pip", "--python", _TOOLS, "install", *_QUIETLY, *tools.packages)),
        scripts.run("tools", (python, "-m", "compileall", "-q", _TOOLS)),
        scripts.shell("entrypoint", scripts.PUT_TEXT, manifest.entrypoint, f"/usr/local/bin/{ENTRYPOINT}"),
        *(scripts.run("links", ("ln", "-sfn", target, f"/usr/local/bin/{name}")) for name, target in links.items()),
        scripts.shell("cleaned", scripts.CLEAN, BUILD_DIRECTORY, _HOST_BUNDLE),
    )


def _environment_of(data: InterpreterData, manifest: ImageManifest) -> tuple[ImageStep, ...]:
    """Return the steps that make a directory under /opt/python of one of Debian's own interpreters."""
    prefix = f"{PYTHONS}/{data.directory}"
    return (
        scripts.run(data.directory, (data.program, "-m", "venv", "--without-pip", prefix)),
        scripts.shell(data.directory, scripts.DEBIAN_PIP, prefix, *_QUIETLY, *manifest.packages[data.packages]),
        scripts.shell(data.directory, scripts.PRECOMPILE_ALL, prefix),
    )


def _digest(part: Root | Compilation | ImageRecipe) -> str:
    encoded = msgspec.json.encode(part, enc_hook=_encode, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()


def _encode(value: object) -> str:
    if isinstance(value, Arch):
        return value.tag
    raise TypeError(f"cannot encode {value!r}")
