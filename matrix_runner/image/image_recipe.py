"""The recipe of an image: from architecture, interpreters and versions to build steps with a digest. Pure.

Its parts are separate so that each is built once: a root filesystem, an interpreter (compiled in its own container, so
that several compile at a time and adding one costs only that one), and the image that combines them.
"""

import hashlib
from dataclasses import dataclass

import msgspec

from matrix_runner.engine.api import ExecRequest
from matrix_runner.image.image_manifest import ENTRYPOINT, ImageManifest, InterpreterData, SourcePackage
from matrix_runner.model.platforms import Arch

LABEL = "matrix-runner.image.recipe"
LABEL_ROOT = "matrix-runner.image.root"
"""On a root filesystem and its derived images: an image inherits its parent's labels."""
LABEL_ARCH = "matrix-runner.image.arch"
LABEL_INTERPRETERS = "matrix-runner.image.interpreters"
LABEL_VERSION = "matrix-runner.image.version"
LABEL_PYTHONS = "matrix-runner.image.pythons"
"""The interpreters' versions, which the recipe of one from a rolling suite does not know: `cp315-cp315=3.15.2`."""

NAMESPACE = "matrix-runner"
"""The repository prefix of all images built here."""

BUILD_DIRECTORY = "/tmp/matrix-runner"  # noqa: S108 - inside a container that nobody else is in
PYTHONS = "/opt/python"
_TOOLS = "/opt/_internal/tools"
_HOST_BUNDLE = "/etc/matrix-runner"

# Complete lists of pinned packages: pip resolves nothing, and everything is byte-compiled once, at the end.
_QUIETLY = ("--quiet", "--no-cache-dir", "--disable-pip-version-check", "--no-deps", "--no-compile")
# Prerequisites of installing a source package (scandir, for 2.7).
_INSTALLERS = frozenset({"pip", "setuptools", "wheel"})

_COMPILING = 1800.0
_DOWNLOADING = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """A root filesystem: a Debian release with packages, under Debian's architecture name."""

    arch: Arch
    debian_arch: str
    suite: str
    packages: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of all its inputs."""
        return _digest(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageStep:
    """A command with a short title."""

    title: str
    request: ExecRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Compilation:
    """An interpreter: from its source to a complete directory under /opt/python, with pip and build."""

    root: str
    directory: str
    source: SourcePackage
    steps: tuple[ImageStep, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of all its inputs, including the root filesystem that it is compiled on."""
        return _digest(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRecipe:
    """The complete recipe of an image. Recipes with the same digest give equivalent images."""

    arch: Arch
    version: str
    policy: str
    root: Root
    compilations: tuple[Compilation, ...]
    steps: tuple[ImageStep, ...]
    environment: tuple[tuple[str, str], ...]
    entrypoint: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the fields above, compared with the image's label."""
        return _digest(self)

    @property
    def name(self) -> str:
        """The image's name, without a tag."""
        return image_name(self.policy, self.arch)

    @property
    def interpreters(self) -> tuple[str, ...]:
        """The interpreters' directories under /opt/python."""
        return tuple(compilation.directory for compilation in self.compilations)

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Labels of the finished image."""
        return (
            (LABEL, self.digest),
            (LABEL_ARCH, self.arch.tag),
            (LABEL_INTERPRETERS, " ".join(self.interpreters)),
            (LABEL_VERSION, self.version),
        )


def image_name(policy: str, arch: Arch) -> str:
    """Return the image name behind the short name `debian` on an architecture."""
    return f"{NAMESPACE}/{policy}_{arch}"


def write_recipe(arch: Arch, wanted: frozenset[str], manifest: ImageManifest) -> ImageRecipe:
    """Write the recipe for an architecture (for which `manifest.is_for` holds) with the wanted interpreters.

    The interpreter that carries the tools is always included. Raise UsageError for an impossible one.
    """
    data = manifest.root
    root = Root(arch=arch, debian_arch=data.architectures[arch.tag], suite=data.suite, packages=data.packages)
    selected = manifest.select(wanted)
    places = {"policy": manifest.policy, "arch": arch.tag}
    return ImageRecipe(
        arch=arch,
        version=manifest.version,
        policy=manifest.policy,
        root=root,
        compilations=tuple(_compilation(root, interpreter, manifest) for interpreter in selected),
        steps=_assembly(selected, manifest),
        environment=tuple((key, text.format_map(places)) for key, text in manifest.environment.items()),
        entrypoint=(ENTRYPOINT,),
    )


def python_versions() -> ExecRequest:
    """Return the command that prints an image's interpreters with their versions, as `LABEL_PYTHONS` has them."""
    return ExecRequest(argv=("sh", "-eu", "-c", _VERSIONS, "sh", PYTHONS), timeout=_DOWNLOADING)


def _compilation(root: Root, data: InterpreterData, manifest: ImageManifest) -> Compilation:
    source = manifest.sources[data.source]
    prefix = f"{PYTHONS}/{data.directory}"
    python = f"{prefix}/bin/python"
    packages = manifest.packages[data.packages]
    first = tuple(package for package in packages if package.partition("==")[0] in _INSTALLERS)
    rest = tuple(package for package in packages if package not in first)
    tree = f"{BUILD_DIRECTORY}/tree"
    # 62 s and 27 MB instead of the default's 150 s and 284 MB (measured). Extension modules are not affected:
    # `_INSTALL` sets upstream's -O3 for them.
    optimise = (("OPT", "-O1 -g0 -fwrapv -DNDEBUG"),)
    configure = ("./configure", "-q", f"--prefix={prefix}", "--without-ensurepip", *data.configure)
    return Compilation(
        root=root.digest,
        directory=data.directory,
        source=source,
        steps=(
            _shell("unpacked", _UNPACK, source.stored, tree),
            ImageStep(
                title="configured",
                request=ExecRequest(argv=configure, env=optimise, cwd=tree, timeout=_COMPILING),
            ),
            _shell("compiled", 'make -s -j"$(nproc)"', cwd=tree),
            _shell("installed", _INSTALL, prefix, data.program, cwd=tree),
            _shell("trimmed", _TRIM, prefix),
            _shell("pip", _BOOTSTRAP, prefix, *_QUIETLY, *first),
            _run("packages", (python, "-m", "pip", "install", *_QUIETLY, *rest)),
            _shell("precompiled", _PRECOMPILE, prefix),
        ),
    )


def _assembly(selected: tuple[InterpreterData, ...], manifest: ImageManifest) -> tuple[ImageStep, ...]:
    tools = manifest.tools
    python = f"{PYTHONS}/{tools.interpreter}/bin/python"
    programs = {data.program: f"{PYTHONS}/{data.directory}/bin/{data.program}" for data in selected}
    links = {**programs, **{command: f"{_TOOLS}/bin/{command}" for command in tools.commands}}
    return (
        _run("tools", (python, "-m", "venv", _TOOLS)),
        _run("tools", (f"{_TOOLS}/bin/pip", "install", *_QUIETLY, *tools.packages)),
        _run("tools", (python, "-m", "compileall", "-q", _TOOLS)),
        _shell("entrypoint", _PUT_TEXT, manifest.entrypoint, f"/usr/local/bin/{ENTRYPOINT}"),
        *(_run("links", ("ln", "-sfn", target, f"/usr/local/bin/{name}")) for name, target in links.items()),
        _shell("cleaned", _CLEAN, BUILD_DIRECTORY, _HOST_BUNDLE),
    )


_UNPACK = f"""\
mkdir -p "$2"
tar -xf "{BUILD_DIRECTORY}/$1" -C "$2" --strip-components=1
cd "$2"
# Before 3.10 there is no --disable-test-modules.
grep -qs -- --disable-test-modules configure || rm -rf Lib/test Lib/lib2to3/tests Lib/*/test Lib/*/tests
mkdir -p Lib/test
"""

# The flags in sysconfig apply to users' extension modules: upstream's, not those of this build. `make install`
# byte-compiles the library three times, on one core; once is enough, at the end.
_INSTALL = """\
sed -i 's/^OPT=.*/OPT= -DNDEBUG -fwrapv -O3 -Wall/' Makefile
./python -E -S -m sysconfig --generate-posix-vars
cp Lib/compileall.py ../compileall.py
: > Lib/compileall.py
make -s install
cp ../compileall.py "$(echo "$1"/lib/python*)/compileall.py"
ln -sf "$2" "$1/bin/python"
"""

_TRIM = """\
cd "$1"
find . -name '*.a' -delete
find . -name __pycache__ -prune -exec rm -rf {} +
rm -rf lib/python*/idlelib lib/python*/turtledemo bin/idle*
find lib/python* -path '*/site-packages' -prune -o -type d '(' -name test -o -name tests ')' -prune -exec rm -rf {} +
find . -type f '(' -name '*.so' -o -path './bin/python[23].*' ')' ! -name '*-config' -exec strip --strip-unneeded {} +
"""

# With the pip inside ensurepip: it installs the pinned one directly, and no setuptools, which the published images do
# not have either since 2025-08 (pypa/manylinux#1819).
_BOOTSTRAP = """\
prefix=$1; shift
PYTHONPATH=$(echo "$prefix"/lib/python*/ensurepip/_bundled/pip-*.whl)
export PYTHONPATH
"$prefix/bin/python" -m pip install --ignore-installed "$@"
"""

# Otherwise every command of every fresh container would compile its imports. Packages for 2.7 carry modules for 3,
# which do not compile: hence the status is ignored.
_PRECOMPILE = """\
"$1/bin/python" -m compileall -q "$1/lib" > /dev/null || true
"""

_PUT_TEXT = """\
printf '%s' "$1" > "$2"
chmod 755 "$2"
"""

_VERSIONS = """\
for python in "$1"/*/bin/python; do
    directory=${python%/bin/python}
    printf '%s=%s ' "${directory##*/}" "$("$python" -c 'import platform; print(platform.python_version())')"
done
"""

# The engine lends every container the host's CA bundle, which must not become part of an image.
_CLEAN = """\
rm -rf "$@" /root/.cache
"""


def _shell(title: str, script: str, *arguments: str, cwd: str | None = None) -> ImageStep:
    return ImageStep(
        title=title,
        request=ExecRequest(argv=("sh", "-eu", "-c", script, "sh", *arguments), cwd=cwd, timeout=_COMPILING),
    )


def _run(title: str, argv: tuple[str, ...]) -> ImageStep:
    return ImageStep(title=title, request=ExecRequest(argv=argv, timeout=_DOWNLOADING))


def _digest(part: Root | Compilation | ImageRecipe) -> str:
    encoded = msgspec.json.encode(part, enc_hook=_encode, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()


def _encode(value: object) -> str:
    if isinstance(value, Arch):
        return value.tag
    raise TypeError(f"cannot encode {value!r}")
