"""The steps of an image build that run in containers, and the shell scripts of which they are made."""

import msgspec

from matrix_runner.engine.api import ExecRequest

BUILD_DIRECTORY = "/tmp/matrix-runner"  # noqa: S108 - inside a container that nobody else is in
PYTHONS = "/opt/python"

_COMPILING = 1800.0
_DOWNLOADING = 600.0


class ImageStep(msgspec.Struct, frozen=True, kw_only=True):
    """A command with a short title."""

    title: str
    request: ExecRequest


def shell(title: str, script: str, *arguments: str, cwd: str | None = None) -> ImageStep:
    """Return a step that runs a shell script with arguments."""
    return ImageStep(
        title=title,
        request=ExecRequest(argv=("sh", "-eu", "-c", script, "sh", *arguments), cwd=cwd, timeout=_COMPILING),
    )


def run(title: str, argv: tuple[str, ...]) -> ImageStep:
    """Return a step that runs a program, which downloads at most."""
    return ImageStep(title=title, request=ExecRequest(argv=argv, timeout=_DOWNLOADING))


def compiling(title: str, argv: tuple[str, ...], cwd: str, env: tuple[tuple[str, str], ...]) -> ImageStep:
    """Return a step that compiles, in a directory and with variables."""
    return ImageStep(title=title, request=ExecRequest(argv=argv, env=env, cwd=cwd, timeout=_COMPILING))


def python_versions() -> ExecRequest:
    """Return the command that prints an image's interpreters with their versions: `cp315-cp315=3.15.2`."""
    return ExecRequest(argv=("sh", "-eu", "-c", VERSIONS, "sh", PYTHONS), timeout=_DOWNLOADING)


UNPACK = f"""\
mkdir -p "$2"
tar -xf "{BUILD_DIRECTORY}/$1" -C "$2" --strip-components=1
cd "$2"
# Before 3.10 there is no --disable-test-modules.
grep -qs -- --disable-test-modules configure || rm -rf Lib/test Lib/lib2to3/tests Lib/*/test Lib/*/tests
mkdir -p Lib/test
"""

# The flags in sysconfig apply to users' extension modules: upstream's, not those of this build. `make install`
# byte-compiles the library three times, on one core; once is enough, at the end.
INSTALL = """\
sed -i 's/^OPT=.*/OPT= -DNDEBUG -fwrapv -O3 -Wall/' Makefile
./python -E -S -m sysconfig --generate-posix-vars
cp Lib/compileall.py ../compileall.py
: > Lib/compileall.py
make -s install
cp ../compileall.py "$(echo "$1"/lib/python*)/compileall.py"
ln -sf "$2" "$1/bin/python"
"""

TRIM = """\
cd "$1"
find . -name '*.a' -delete
find . -name __pycache__ -prune -exec rm -rf {} +
rm -rf lib/python*/idlelib lib/python*/turtledemo bin/idle*
find lib/python* -path '*/site-packages' -prune -o -type d '(' -name test -o -name tests ')' -prune -exec rm -rf {} +
find . -type f '(' -name '*.so' -o -path './bin/python[23].*' ')' ! -name '*-config' -exec strip --strip-unneeded {} +
"""

# With the pip inside ensurepip: it installs the pinned one directly, and no setuptools, which the published images do
# not have either since 2025-08 (pypa/manylinux#1819).
BOOTSTRAP = """\
prefix=$1; shift
PYTHONPATH=$(echo "$prefix"/lib/python*/ensurepip/_bundled/pip-*.whl)
export PYTHONPATH
"$prefix/bin/python" -m pip install --ignore-installed "$@"
"""

# Otherwise every command of every fresh container would compile its imports. Packages for 2.7 carry modules for 3,
# which do not compile: hence the status is ignored.
PRECOMPILE = """\
"$1/bin/python" -m compileall -q "$1/lib" > /dev/null || true
"""

PUT_TEXT = """\
printf '%s' "$1" > "$2"
chmod 755 "$2"
"""

VERSIONS = """\
for python in "$1"/*/bin/python; do
    directory=${python%/bin/python}
    printf '%s=%s ' "${directory##*/}" "$("$python" -c 'import platform; print(platform.python_version())')"
done
"""

# The engine lends every container the host's CA bundle, which must not become part of an image.
CLEAN = """\
rm -rf "$@" /root/.cache
"""

# Debian's scripts have not run in a root that was only unpacked; these are their traces that builds need. That there is
# no apt-get is said where people would call it.
COMPLETE = """\
cp /usr/share/base-passwd/passwd.master /etc/passwd
cp /usr/share/base-passwd/group.master /etc/group
for pair in cc=gcc c++=g++ awk=mawk which=which.debianutils; do
    [ -e "/usr/bin/${pair%=*}" ] || ln -s "${pair#*=}" "/usr/bin/${pair%=*}"
done
mkdir -p /usr/local/bin /etc/ssl/certs
cat /usr/share/ca-certificates/mozilla/*.crt > /etc/ssl/certs/ca-certificates.crt
for program in apt apt-get; do
    cat > "/usr/local/bin/$program" <<'END'
#!/bin/sh
echo "No package can be added to this image: it was made for an emulated architecture, by unpacking." >&2
echo "What it has: docs/reference/images.md. Compile the library from its source, or take an image from a registry." >&2
exit 100
END
    chmod 755 "/usr/local/bin/$program"
done
"""

# dnf and yum fetch their lists of packages by themselves, and scripts of projects that were written for the published
# images count on it. Lists in the image would be as old as itself.
FETCH_LISTS = """\
for program in apt apt-get; do
    [ -x "/usr/bin/$program" ] || continue
    cat > "/usr/local/bin/$program" <<END
#!/bin/sh
# Fetches the lists of packages where there are none yet, as other package managers do.
case " \\$* " in
    *" install "*)
        ls /var/lib/apt/lists/*_Packages* > /dev/null 2>&1 || /usr/bin/apt-get --quiet update || exit
        ;;
esac
exec /usr/bin/$program "\\$@"
END
    chmod 755 "/usr/local/bin/$program"
done
"""

# Debian marks its interpreter as its own (PEP 668); in this image it is the builds'. The pip that makes the first step
# lies beside the interpreter, for its module venv.
DEBIAN_PIP = """\
prefix=$1; shift
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED /usr/lib/pypy3*/EXTERNALLY-MANAGED
PYTHONPATH=$(echo /usr/share/python-wheels/pip-*.whl)
export PYTHONPATH
"$prefix/bin/python" -m pip install --ignore-installed "$@"
"""

# With the standard library, which Debian's scripts would have compiled, had they run: without it `auditwheel --version`
# takes 66 s under QEMU in place of 30 (measured). Not by the times of the files, which mmdebstrap sets.
PRECOMPILE_ALL = """\
library=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
"$1/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash -x '/(test|tests|idlelib|lib2to3)/' \
    "$1/lib" "$library" > /dev/null || true
"""
