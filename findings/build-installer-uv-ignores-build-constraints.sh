#!/bin/sh
# Guess: `python -m build --installer=uv` heeds UV_BUILD_CONSTRAINT, uv's variable for requirements of builds.
# Seen: with build 1.6.1 and uv 0.13.9 it has no effect, because for uv these are plain requirements of an environment:
#   UV_CONSTRAINT is what binds them there. With `uv build` it is the other way round.
# Where it matters: pinning of build requirements. matrix-runner's `build-constraints` sets the variable that binds.
set -eu
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install uv==0.13.9 build==1.6.1
PATH=$room/tools/bin:$PATH
mkdir project
cat >project/pyproject.toml <<'T'
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"
[project]
name = "demo"
version = "1"
T
printf 'import setuptools\nprint("WITH", setuptools.__version__)\nsetuptools.setup(py_modules=[])\n' >project/setup.py
echo 'setuptools==80.9.0' >constraints.txt
with() { env "$1=$room/constraints.txt" sh -c "$2" 2>&1 | sed -n 's/^.*WITH //p' | tail -1; }
frontend='python -m build --wheel --installer=uv project -o out'
b1=$(with UV_BUILD_CONSTRAINT "$frontend")
b2=$(with UV_CONSTRAINT "$frontend")
u1=$(with UV_BUILD_CONSTRAINT 'uv build --wheel project --out-dir out')
u2=$(with UV_CONSTRAINT 'uv build --wheel project --out-dir out')
echo "build 1.6.1 --installer=uv: UV_BUILD_CONSTRAINT gives setuptools $b1, UV_CONSTRAINT gives $b2 (wanted: 80.9.0)"
echo "uv build 0.13.9:            UV_BUILD_CONSTRAINT gives setuptools $u1, UV_CONSTRAINT gives $u2"
[ "$b1" != 80.9.0 ] && [ "$b2" = 80.9.0 ] && [ "$u1" = 80.9.0 ] && [ "$u2" != 80.9.0 ] || { echo "CHANGED"; exit 1; }
