#!/bin/sh
# Guess: with hashes required, a constraint that names a version and its hashes is enough for a requirement by name,
#   wherever uv installs: in an environment as for a build.
# Seen: uv 0.13.9. `uv build` with UV_REQUIRE_HASHES=1 and such a file as UV_BUILD_CONSTRAINT installs what the build
#   requires. `uv pip install`, with the very same file as UV_CONSTRAINT, refuses the same requirement: it had to have its
#   version pinned in the requirement itself.
# Where it matters: whoever makes the environment of a build with `uv pip install`. matrix-runner leaves such builds to
#   `uv build` (recipe/frontends/own_frontend).
set -eu
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install uv==0.13.9
tools/bin/pip -q --disable-pip-version-check download --no-deps --only-binary :all: flit-core==3.12.0
printf 'flit-core==3.12.0 --hash=sha256:%s\n' "$(sha256sum flit_core-3.12.0-*.whl | cut -d ' ' -f 1)" >constraints.txt
mkdir project
printf '[build-system]\nrequires = ["flit-core"]\nbuild-backend = "flit_core.buildapi"\n[project]\nname = "small"\nversion = "1"\ndescription = "x"\n' >project/pyproject.toml
: >project/small.py
export UV_REQUIRE_HASHES=1
built=0
UV_BUILD_CONSTRAINT=$room/constraints.txt tools/bin/uv build --quiet --no-config --wheel project >build.log 2>&1 || built=$?
tools/bin/uv venv --quiet --no-config environment
installed=0
UV_CONSTRAINT=$room/constraints.txt tools/bin/uv pip install --no-config --python environment/bin/python flit-core >install.log 2>&1 || installed=$?
echo "uv build: exit status $built; uv pip install: exit status $installed: $(grep -o 'must have their versions pinned.*' install.log | head -n 1)"
[ "$built" = 0 ] && [ "$installed" != 0 ] && grep -q 'must have their versions pinned' install.log || { cat build.log install.log; echo CHANGED; exit 1; }
