"""Bringing uv and a cell's interpreter from the image that it builds in to a clean one. Pure.

An interpreter links libraries of its image (OpenSSL, libffi). They come along under names that no wheel asks for: a
loader that has a library of the right name in memory gives it to whoever needs one, and a wheel that lacks it would
pass (findings/loaded-library-serves-all-who-lack-it.sh).
"""

from typing import Final

from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, ExecRequest
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.step import Step

_PACK_UV: Final = """\
to=$1; uv=$(readlink -f "$(command -v uv)") || exit 1
rm -rf "$to" && mkdir -p "$to" "$to.d/usr/local/bin" && cp "$uv" "$to.d/usr/local/bin/uv" || exit 1
tar -C "$to.d" -cf "$to/1.tar" usr/local/bin/uv && rm -rf "$to.d"
"""

# Two archives, of which the second has what is changed, so that the many files of a library are not copied first: each
# takes 2 ms on a busy disk. The loader itself lists what a file links (`--list`, of glibc and musl alike): `ldd` is a
# script for one of them, and an image can have both. Names are changed as auditwheel does; it is RUNPATH, for RPATH
# would hold for all that an interpreter loads.
_PACK_PYTHON: Final = """\
to=$1 prefix=$2 packages=$3 work=$1.d
real=$(readlink -f "$prefix") && program=$(readlink -f "$prefix/bin/python") || exit 1
libraries=$real/brought
rm -rf "$to" "$work" && mkdir -p "$to" "$work$libraries" || exit 1
loader=$(patchelf --print-interpreter "$program") || exit 1
find "$real" -type f \\( -name '*.so' -o -name '*.so.*' -o -path "$real/bin/*" \\) | while read -r file; do
  echo "file $file"; "$loader" --list "$file" 2>/dev/null
done | awk '$1 == "file" { file = $2 } $2 == "=>" && $3 ~ /^\\// { print $1, $3, file }' >"$to/linked"
cut -d ' ' -f 1,2 "$to/linked" | sort -u | while read -r name path; do
  case $name in
    libc.so*|libm.so*|libdl.so*|libpthread.so*|librt.so*|libutil.so*|libresolv.so*|libnsl.so.1) continue ;;
    libanl.so*|libmvec.so*|ld-*|ld64.so*|linux-*|libc.musl-*) continue ;;
  esac
  case $(readlink -f "$path") in "$real"/*) continue ;; esac
  echo "$name $path"
done >"$to/libraries"
while read -r name path; do
  copy=$libraries/brought-$name
  cp -L "$path" "$work$copy" && chmod u+w "$work$copy" && patchelf --set-soname "brought-$name" "$work$copy" || exit 1
  echo "$name $path $copy"
done <"$to/libraries" >>"$to/linked"
awk 'NR == FNR { known[$1] = 1; next } $1 in known { print $3 }' "$to/libraries" "$to/linked" | sort -u |
while read -r file; do
  if [ ! -e "$work$file" ]; then
    mkdir -p "$work${file%/*}" && cp -p "$file" "$work$file" && chmod u+w "$work$file" || exit 1
  fi
  set --
  for one in $(patchelf --print-needed "$work$file"); do
    if grep -q "^$one " "$to/libraries"; then set -- "$@" --replace-needed "$one" "brought-$one"; fi
  done
  path=$(patchelf --print-rpath "$work$file")
  patchelf "$@" --set-rpath "${path:+$path:}$libraries" "$work$file" || exit 1
done || exit 1
if [ "$real" != "$prefix" ]; then mkdir -p "$work${prefix%/*}" && ln -s "$real" "$work$prefix" || exit 1; fi
if [ -z "$packages" ]; then set -- --exclude=".$real/lib/python*/site-packages/*"; else set --; fi
tar -C / -cf "$to/1.tar" "$@" --exclude=".$real/include" --exclude=".$real/lib/python*/test" \\
  --exclude=".$real/lib/python*/config-*" --exclude="*.a" ".$real" || exit 1
(cd "$work" && find . ! -type d >"$to/changed") || exit 1
if [ -s "$to/changed" ]; then tar -C "$work" -cf "$to/2.tar" -T "$to/changed" || exit 1; fi
sed 's/^/brings /' "$to/libraries"
rm -rf "$work" "$to/linked" "$to/libraries" "$to/changed"
"""

ELSEWHERE: Final = 3
"""The exit status of `ask_place` about an environment of another interpreter."""

_PLACE: Final = f"""\
program=$(readlink -f "$1/bin/python")
case $program in "$(readlink -f "$1")"/*) ;; *) echo "$program"; exit {ELSEWHERE} ;; esac
"""
_UNPACK: Final = 'for one in "$1"/*.tar; do tar -C / -xf "$one" || exit 1; done; rm -rf "$1"'
_LINK: Final = 'mkdir -p "$1/bin" && ln -sfn "$2" "$1/bin/python"'


def archive_of_uv(layout: Layout) -> str:
    """Return the directory of the archive of uv, in either container."""
    return f"{layout.matrix}/brought-uv"


def archive_of_python(layout: Layout) -> str:
    """Return the directory of the archives of an interpreter, in either container."""
    return f"{layout.matrix}/brought-python"


def ask_place(directory: str) -> ExecRequest:
    """Return the command that tells whether all of an interpreter is in its directory of `/opt/python`."""
    argv = ("sh", "-c", _PLACE, "sh", f"/opt/python/{directory}")
    return ExecRequest(argv=argv, cwd="/", timeout=SHORT_COMMAND_SECONDS)


def pack_uv(layout: Layout) -> Step:
    """Return the step, in the container of the build, that packs the image's uv."""
    return _step(_PACK_UV, archive_of_uv(layout), shown="pack uv")


def pack_python(layout: Layout, directory: str, *, with_packages: bool) -> Step:
    """Return the step that packs an interpreter, a directory of `/opt/python`, with the libraries that it links.

    `with_packages`: with what is installed into it, as its pip, without which no environment could be made there.
    """
    prefix, packages = f"/opt/python/{directory}", "packages" if with_packages else ""
    shown = f"pack {prefix} and the libraries that it links"
    return _step(_PACK_PYTHON, archive_of_python(layout), prefix, packages, shown=shown)


def unpack(archive: str) -> Step:
    """Return the step, in the clean container, that unpacks one of both archives."""
    return _step(_UNPACK, archive, shown=f"unpack {archive.rpartition('/')[2]}")


def link_python(directory: str, program: str) -> Step:
    """Return the step by which the distribution's own interpreter serves under a directory of `/opt/python`."""
    return _step(_LINK, f"/opt/python/{directory}", program, shown=f"take {program}")


def _step(script: str, *words: str, shown: str) -> Step:
    request = ExecRequest(argv=("sh", "-c", script, "sh", *words), cwd="/", timeout=SHORT_COMMAND_SECONDS)
    return Step(kind=StepKind.PREPARE, request=request, shown=shown)
