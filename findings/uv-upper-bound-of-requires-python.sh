#!/bin/sh
# Guess: an installer refuses a package whose Requires-Python excludes the interpreter, whichever bound excludes it.
# Seen: uv 0.13.9 refuses a lower bound that is too high, and installs across an upper bound, without a word; pip 26.3
#   refuses both. So a test environment made by uv can hold a package that says it does not work there.
# Where it matters: wheels tested in environments made by uv. matrix-runner compares every installed distribution's
#   Requires-Python with the cell's interpreter after uv has installed (recipe/after_build/python_bounds).
set -eu
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv tools
tools/bin/pip -q --disable-pip-version-check install uv==0.13.9 pip==26.3 setuptools==84.2.1 build==1.6.1
minor=$(tools/bin/python -c 'import sys; print(sys.version_info[1])')

# Two packages of one module: one for Pythons before this one only, one for later ones only.
make() { # name, specifier
    mkdir -p "$1"
    printf '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n' >"$1/pyproject.toml"
    printf '[project]\nname = "%s"\nversion = "1"\nrequires-python = "%s"\n[tool.setuptools]\npy-modules = []\n' "$1" "$2" >>"$1/pyproject.toml"
    tools/bin/python -m build -q --wheel --no-isolation --skip-dependency-check "$1" -o wheels
}
make for-older "<3.$minor"
make for-newer ">=3.$((minor + 1))"

verdict() { # installer's words, then the package
    python3 -m venv target-"$2"-"$1" >/dev/null
    if [ "$1" = uv ]; then
        tools/bin/uv pip install -q --python target-"$2"-uv/bin/python --no-index --find-links wheels "$2" >/dev/null 2>&1
    else
        tools/bin/pip -q --disable-pip-version-check --python target-"$2"-pip/bin/python install --no-index --find-links wheels "$2" >/dev/null 2>&1
    fi && echo installed || echo refused
}
for installer in uv pip; do
    for package in for-older for-newer; do
        said=$(verdict $installer $package)
        echo "$installer, Python 3.$minor, $package: $said"
        case $installer-$package-$said in
        uv-for-older-installed | uv-for-newer-refused | pip-*-refused) ;;
        *) echo "CHANGED"; exit 1 ;;
        esac
    done
done
