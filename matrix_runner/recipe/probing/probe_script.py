"""The script that finds out the facts about an image, in one command. Pure."""

import shlex

from matrix_runner.engine.api import ExecRequest

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
    try:
        return find_spec(name) is not None
    except ImportError:
        return False
names = [n for n in ["build", "ensurepip", "pip", "venv", "virtualenv"] + sys.argv[1:] if has(n)]
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
root=$1; system=$2; missing=; shift 2
printf 'machine\\t%s\\n' "$(uname -m)"
printf 'elf\\t%s\\n' "$(head -c 40 /bin/sh | od -An -v -tx1 | tr -d ' \\n')"
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
for loader in /lib/ld-musl-*.so.1 /lib/ld-linux*.so.? /lib64/ld-linux*.so.? /lib64/ld64.so.?; do
  if [ -e "$loader" ]; then printf 'loader\\t%s\\n' "$loader"; fi
done
printf 'libc-version\\t%s\\n' "${version##* }"
version_of() {
  # auditwheel takes 0.13 s to say its version, half of what is asked here; where it is installed the name says it.
  if [ $1 = auditwheel ]; then
    read -r line <"$(command -v auditwheel)"
    line=${line#"#!"}
    for found in "${line%/bin/*}"/lib/python3*/site-packages/auditwheel-*.dist-info; do
      if [ -d "$found" ] && $line -ISc "" 2>/dev/null; then
        found=${found##*/auditwheel-}; echo "auditwheel ${found%.dist-info}"; return
      fi
    done
  fi
  "$1" --version
}
# One that is there and says nothing does not start: of another architecture or C library, or a script without its
# interpreter. It is started again for the reason.
say_tool() {
  version=$(version_of "$1" 2>/dev/null) || [ -n "$version" ] || {
    printf 'broken\\t%s\\t%s\\n' "$1" "$(reason_of "$1" --version)"
    return
  }
  version=$(echo "${version:-of unknown version}" | head -n 1)
  printf 'tool\\t%s\\t%s\\n' "$1" "$version"
}
reason_of() {
  said=$("$@" 2>&1 </dev/null) && status=0 || status=$?
  # Not the shell's own name before it, and no more than fits an atomic line.
  said=$(echo "$said" | grep . | tail -n 1 | tr '\\t' ' ' | sed 's/^probe: \\(line \\)*[0-9]*: //' | cut -c 1-300)
  echo "${said:-exit status $status}"
}
for tool in auditwheel patchelf uv git; do
  if command -v $tool >/dev/null 2>&1; then
    say_tool $tool &
  fi
done
for name in dnf yum apt-get apk; do
  if command -v $name >/dev/null 2>&1; then printf 'package-manager\\t%s\\n' $name; fi
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
      if answer=$("$root/opt/python/$name/bin/python" -c "$ask" 2>/dev/null); then
        printf 'interpreter\\t%s\\t%s\\n' "$name" "$answer"
      else
        printf 'broken\\t%s\\t%s\\n' "$name" "$(reason_of "$root/opt/python/$name/bin/python" -V)"
      fi
    ) &
  fi
done
if [ -n "$system" ]; then
  printf 'system\\t%s\\n' "$(. /etc/os-release 2>/dev/null && echo "$PRETTY_NAME" | tr '\\t' ' ')"
  for python in /usr/local/bin/python3.[0-9]* /usr/bin/python3.[0-9]*; do
    case ${python##*/python3.} in *[!0-9t]*) continue ;; esac
    (
      # Debian has parts of the library in packages of their own, without which no environment can be made.
      if answer=$("$python" -c "$ask" distutils.dist 2>/dev/null); then
        printf 'system-python\\t%s\\t%s\\n' "$python" "$answer"
      fi
    ) &
  done
fi
wait
# Images since 2023 install some interpreters on demand; not on a machine that is somebody's.
if [ -n "$missing" ] && [ -z "$root" ] && command -v manylinux-interpreters >/dev/null 2>&1; then
  printf 'installable\\t%s\\n' "$(manylinux-interpreters list --format json 2>/dev/null | tr -d '\\t\\n')"
fi
"""


def probe_request(
    root: str, directories: tuple[str, ...], *, is_slow: bool = False, asks_system: bool = False
) -> ExecRequest:
    """Return the command that probes a container, and starts these interpreters.

    `asks_system`: for the distribution's name and its own interpreters too. `is_slow`: an emulator runs it, or may do
    so: about 3 processor seconds for an interpreter and the tools.
    """
    script = f"ask={shlex.quote(_ASK_INTERPRETER)}\n{_PROBE}"
    # A cell may continue in the same container: the result of `before-all` must not contain traces of the probe.
    env = (("PYTHONDONTWRITEBYTECODE", "1"),)
    words = (root, "system" if asks_system else "", *directories)
    return ExecRequest(argv=("sh", "-c", script, "probe", *words), env=env, timeout=900 if is_slow else 120)
