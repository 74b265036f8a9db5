"""Facts about an image (interpreters, tools, C library): the probe script and the parser of its output. Pure."""

import shlex
from dataclasses import dataclass

import msgspec

from matrix_runner.engine.api import ExecRequest
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch, Libc


@dataclass(frozen=True, kw_only=True, slots=True)
class InterpreterFacts:
    """A working interpreter. `directory`: its name under `/opt/python`. `modules`: the importable modules of tools.

    `pip`: the version of its pip; "" without one.
    """

    directory: str
    version: str
    modules: frozenset[str]
    extension_suffix: str | None
    pip: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFacts:
    """The results of a probe. `tools`: name and first line of `--version`. `directories`: all of `/opt/python`.

    `installable`: interpreters that `manylinux-interpreters ensure` can add; queried only if a wanted one is missing.
    `machine`: `uname -m` as commands see it. `elf`: the first 20 bytes of `/bin/sh`, which no metadata can fake (an
    image's stated architecture can lie: measured on Docker 20.10). `decided`: variables with the processor count for
    build tools that are already set there. `pip_variables`: names of variables there by which pip or uv is told
    something, of certificates too. `pip_files`: the path of each of pip's configuration files, with each option in it.
    """

    machine: str
    elf: bytes
    libc: Libc | None
    libc_version: str
    path: str
    plat: str | None
    tools: tuple[tuple[str, str], ...]
    directories: tuple[str, ...]
    interpreters: tuple[InterpreterFacts, ...]
    installable: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()
    pip_variables: tuple[str, ...] = ()
    pip_files: tuple[tuple[str, str], ...] = ()

    def tool(self, name: str) -> str | None:
        """Return the version line of a tool, or None if it is not on PATH or does not start."""
        return dict(self.tools).get(name) or None

    @property
    def broken_tools(self) -> frozenset[str]:
        """The tools on PATH that do not start: those of another architecture or C library."""
        return frozenset(name for name, version in self.tools if not version)

    def interpreter(self, directories: tuple[str, ...]) -> InterpreterFacts | None:
        """Return the first of the named interpreters that exists, or None."""
        by_name = {facts.directory: facts for facts in self.interpreters}
        return next((by_name[name] for name in directories if name in by_name), None)

    def to_install(self, directories: tuple[str, ...]) -> str | None:
        """Return the first of the named interpreters that can be installed on demand; None if one exists already."""
        if any(name in self.directories for name in directories):
            return None
        return next((name for name in directories if name in self.installable), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """The reason why a cell cannot run in an image, with a hint.

    `is_wrong_image`: the image is for another architecture or C library; else it lacks something.
    """

    message: str
    hint: str
    is_wrong_image: bool = False


_ASK_INTERPRETER = """
import sys, sysconfig
def has(name):
    try:
        from importlib.util import find_spec
    except ImportError:
        import imp
        try:
            imp.find_module(name)
        except ImportError:
            return False
        return True
    return find_spec(name) is not None
names = [n for n in ("build", "ensurepip", "pip", "venv", "virtualenv") if has(n)]
suffix = sysconfig.get_config_var("EXT_SUFFIX") or sysconfig.get_config_var("SO") or ""
pip = ""
if "pip" in names:
    try:
        import pip
        pip = pip.__version__
    except Exception:
        pip = ""
print("\\t".join(["%d.%d.%d" % sys.version_info[:3], ",".join(names), suffix, pip]))
"""

# Every program starts in the background, and all are waited for once: in sequence the eight interpreters of a usual
# image take 0.6 s, in parallel a third of it. A line below 4 KiB is written atomically (POSIX, PIPE_BUF).
_PROBE = """
root=$1; missing=; shift
printf 'machine\\t%s\\n' "$(uname -m)"
printf 'elf\\t%s\\n' "$(head -c 20 /bin/sh | od -An -v -tx1 | tr -d ' \\n')"
printf 'path\\t%s\\n' "$PATH"
printf 'plat\\t%s\\n' "${AUDITWHEEL_PLAT:-}"
for name in MAKEFLAGS CMAKE_BUILD_PARALLEL_LEVEL CARGO_BUILD_JOBS; do
  if eval "[ -n \\"\\${$name+x}\\" ]"; then printf 'decided\\t%s\\n' $name; fi
done
for name in $(env | sed -n 's/^\\([A-Za-z_]*\\)=..*/\\1/p'); do
  case $name in
    PIP_CONFIG_FILE) if [ "$PIP_CONFIG_FILE" != /dev/null ]; then printf 'pip-variable\\t%s\\n' $name; fi ;;
    PIP_*|UV_*|SSL_*|*_CA_BUNDLE|*_PROXY|*_proxy) printf 'pip-variable\\t%s\\n' $name ;;
  esac
done
# pip's files: of the system, of the user, of an interpreter (its documentation, "Configuration").
if [ "${PIP_CONFIG_FILE:-}" != /dev/null ]; then
  own=${XDG_CONFIG_HOME:-$HOME/.config}
  for file in /etc/xdg/pip/pip.conf /etc/pip.conf "$HOME/.pip/pip.conf" "$own/pip/pip.conf" \\
    "$root"/opt/python/*/pip.conf; do
    if [ -f "$file" ]; then
      sed -n 's/^\\([A-Za-z][A-Za-z_-]*\\)[[:space:]]*[=:].*/\\1/p' "$file" |
        while read -r key; do printf 'pip-file\\t%s\\t%s\\n' "$file" "$key"; done
    fi
  done
fi
version=$(getconf GNU_LIBC_VERSION 2>/dev/null) && libc=manylinux || {
  # musl can be there beside glibc, as a package; only where it is alone it is the machine's own.
  if ls /lib/ld-musl-* >/dev/null 2>&1; then libc=musllinux; else libc=manylinux; fi
  version=$(ldd --version 2>&1 | grep -i '^version')
}
printf 'libc\\t%s\\n' $libc
printf 'libc-version\\t%s\\n' "${version##* }"
version_of() {
  # auditwheel takes 0.13 s to say its version, half of what is asked here; where it is installed the name says it.
  if [ $1 = auditwheel ]; then
    read -r line <"$(command -v auditwheel)"
    line=${line#"#!"}
    for found in "${line%/bin/*}"/lib/python3*/site-packages/auditwheel-*.dist-info; do
      if [ -d "$found" ]; then found=${found##*/auditwheel-}; echo "auditwheel ${found%.dist-info}"; return; fi
    done
  fi
  $1 --version 2>/dev/null | head -n 1
}
for tool in auditwheel patchelf uv git; do
  if command -v $tool >/dev/null 2>&1; then
    (printf 'tool\\t%s\\t%s\\n' $tool "$(version_of $tool)") &
  fi
done
for directory in "$root"/opt/python/*/; do
  if [ -x "$directory/bin/python" ]; then
    printf 'directory\\t%s\\n' "$(basename "$directory")"
  fi
done
for name in "$@"; do
  if [ ! -x "$root/opt/python/$name/bin/python" ]; then
    missing=$name
  else
    (
      answer=$("$root/opt/python/$name/bin/python" -c "$ask" 2>/dev/null) &&
        printf 'interpreter\\t%s\\t%s\\n' "$name" "$answer"
    ) &
  fi
done
wait
# Images since 2023 install some interpreters on demand; not on a machine that is somebody's.
if [ -n "$missing" ] && [ -z "$root" ] && command -v manylinux-interpreters >/dev/null 2>&1; then
  printf 'installable\\t%s\\n' "$(manylinux-interpreters list --format json 2>/dev/null | tr -d '\\t\\n')"
fi
"""


def probe_request(root: str, directories: tuple[str, ...], *, is_emulated: bool = False) -> ExecRequest:
    """Return the command that probes a container, and starts these interpreters; with more time if it `is_emulated`."""
    script = f"ask={shlex.quote(_ASK_INTERPRETER)}\n{_PROBE}"
    # A cell may continue in the same container: the result of `before-all` must not contain traces of the probe.
    env = (("PYTHONDONTWRITEBYTECODE", "1"),)
    return ExecRequest(
        argv=("sh", "-c", script, "probe", root, *directories), env=env, timeout=900 if is_emulated else 120
    )


def parse_probe(output: str) -> ImageFacts:
    """Parse the output of the probe. Unknown lines are ignored: an image's shell may add its own."""
    rows = [line.split("\t") for line in output.splitlines()]
    single = {row[0]: row[1] for row in rows if len(row) == 2}
    interpreters = [row[1:] for row in rows if row[0] == "interpreter" and len(row) == 6]
    return ImageFacts(
        machine=single.get("machine", ""),
        elf=_unhex(single.get("elf", "")),
        libc=Libc.MUSL if single.get("libc") == "musllinux" else Libc.GLIBC,
        libc_version=single.get("libc-version", ""),
        path=single.get("path", ""),
        plat=single.get("plat") or None,
        tools=tuple((row[1], row[2]) for row in rows if row[0] == "tool" and len(row) == 3),
        directories=tuple(row[1] for row in rows if row[0] == "directory" and len(row) == 2),
        interpreters=tuple(
            InterpreterFacts(
                directory=directory,
                version=version,
                modules=frozenset(modules.split(",")) - {""},
                extension_suffix=suffix or None,
                pip=pip,
            )
            for directory, version, modules, suffix, pip in interpreters
        ),
        installable=_listed(single.get("installable", "")),
        decided=tuple(row[1] for row in rows if row[0] == "decided" and len(row) == 2),
        pip_variables=tuple(row[1] for row in rows if row[0] == "pip-variable" and len(row) == 2),
        pip_files=tuple((row[1], row[2]) for row in rows if row[0] == "pip-file" and len(row) == 3),
    )


class _Listed(msgspec.Struct):
    identifier: str


def _listed(answer: str) -> tuple[str, ...]:
    """Parse `manylinux-interpreters list --format json`; empty if it is anything else."""
    try:
        return tuple(row.identifier for row in msgspec.json.decode(answer, type=list[_Listed]))
    except msgspec.DecodeError:
        return ()


def find_problem(cell: Cell, directories: tuple[str, ...], facts: ImageFacts, place: str) -> Problem | None:
    """Return the reason why no such cell can run there, or None. `place`: the name of the image, or this machine."""
    arch = cell.platform.arch
    seen = _elf_arch(facts.elf)
    option = f"`{cell.platform.libc}-{arch}-image`"
    if seen is not None and seen is not arch:
        message = f"{place} holds {seen} programs, but {cell} needs {arch}"
        return Problem(message=message, hint=f"set {option}", is_wrong_image=True)
    if Arch.of_machine(facts.machine) is not arch:
        return Problem(
            message=f"in {place} `uname -m` says {facts.machine or 'nothing'}, but {cell} needs {arch}",
            hint="the image needs `linux32` (util-linux)"
            if arch.needs_linux32
            else "this engine cannot run it natively",
            is_wrong_image=True,
        )
    if facts.libc is not cell.platform.libc:
        message = f"{place} is for {facts.libc} wheels, but {cell} needs {cell.platform.libc}"
        return Problem(message=message, hint=f"set {option}", is_wrong_image=True)
    if facts.interpreter(directories) is None and facts.to_install(directories) is None:
        broken = [name for name in directories if name in facts.directories]
        if broken:
            return Problem(
                message=f"/opt/python/{broken[0]} in {place}, which {cell} needs, does not start",
                hint=f"run `/opt/python/{broken[0]}/bin/python -V` there to see why",
            )
        offer = f"it has {', '.join(facts.directories)}" if facts.directories else "it has no interpreter at all"
        return Problem(message=f"{place} has no /opt/python/{directories[0]}, which {cell} needs", hint=offer)
    return None


def find_missing_tool(
    cell: Cell, directories: tuple[str, ...], facts: ImageFacts, place: str, needs: frozenset[str]
) -> Problem | None:
    """Return the problem of missing tools, or None. Without uv, the interpreter must have pip or ensurepip."""
    missing = sorted(tool for tool in needs if facts.tool(tool) is None)
    interpreter = facts.interpreter(directories)
    if facts.tool("uv") is None and interpreter is not None and not interpreter.modules & {"pip", "ensurepip"}:
        missing.append("pip")
    if not missing:
        return None
    if broken := [tool for tool in missing if tool in facts.broken_tools]:
        message = f"{' and '.join(broken)} of {place}, which {cell} needs, cannot be started"
        return Problem(message=message, hint="is it of another architecture or C library than the image?")
    return Problem(
        message=f"{place} has no {' and no '.join(missing)}, which {cell} needs",
        hint="install it there, or choose a `build-frontend` or `repair-wheel-command` that does without",
    )


def _elf_arch(header: bytes) -> Arch | None:
    if header[:4] != b"\x7fELF" or len(header) < 20:
        return None
    bits = 32 if header[4] == 1 else 64
    order = "little" if header[5] == 1 else "big"
    machine = int.from_bytes(header[18:20], "little" if header[5] == 1 else "big")
    return next((a for a in Arch if (a.elf_machine, a.bits, a.byte_order) == (machine, bits, order)), None)


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
