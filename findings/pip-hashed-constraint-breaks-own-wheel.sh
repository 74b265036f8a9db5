#!/bin/sh
# Guess: constraints with hashes for build requirements do not concern the project that is built.
# Seen: with PIP_CONSTRAINT naming such a file, pip 26.3 refuses `pip wheel DIRECTORY --no-deps`, because the directory
#   itself has no hash: one hash anywhere makes pip require one of everything. PIP_BUILD_CONSTRAINT (pip 25.3 and later)
#   does not have that effect.
# Where it matters: pinned builds with pip or build. matrix-runner's `build-constraints` uses the second variable.
set -eu
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install pip==26.3
tools/bin/pip -q --disable-pip-version-check download --no-deps setuptools==84.2.1 -d wheels
hash=$(tools/bin/pip hash wheels/setuptools-84.2.1-py3-none-any.whl | sed -n 's/^--hash=//p')
echo "setuptools==84.2.1 --hash=$hash" >constraints.txt
mkdir project
cat >project/pyproject.toml <<'T'
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "demo"
version = "1"
[tool.setuptools]
py-modules = []
T
builds() { env "$1=$room/constraints.txt" tools/bin/pip -q --disable-pip-version-check wheel --no-deps -w out ./project >said 2>&1 && echo builds || echo fails; }
echo "pip 26.3"
general=$(builds PIP_CONSTRAINT)
sed -n "s/^ERROR: //p" said | head -1
own=$(builds PIP_BUILD_CONSTRAINT)
echo "PIP_CONSTRAINT with hashes: $general; PIP_BUILD_CONSTRAINT with the same file: $own"
[ "$general-$own" = fails-builds ] || { echo "CHANGED"; exit 1; }
