#!/bin/sh
# Guess: whether `twine check` passes a distribution is a matter of the distribution, and of the version of twine.
# Seen: it is one of docutils, which neither twine 7.0.0 nor readme-renderer 46.0 bounds. With docutils 0.22.4 the sdist of zfec
#   1.6.0.0, as it is on the package index, passes; with 0.23, which sees a transition before nothing but substitutions as
#   one at the document's end, it "has syntax errors in markup and would not be rendered on PyPI".
# Where it matters: a release that was checked with yesterday's tools is refused with today's, though no file has changed.
#   `runner collect` renders descriptions as `twine check` does, and says in which line docutils stopped.
set -eu
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv tools
pip="tools/bin/pip -q --disable-pip-version-check"
$pip install twine==7.0.0 readme-renderer==46.0 docutils==0.22.4
$pip download --no-deps --no-binary :all: zfec==1.6.0.0
for docutils in 0.22.4 0.23; do
    $pip install docutils==$docutils
    echo "== docutils $docutils, $(tools/bin/twine --version | head -1)"
    said=$(tools/bin/twine --no-color check zfec-1.6.0.0.tar.gz 2>&1) || true
    echo "$said"
    case $docutils:$said in
        0.22.4:*PASSED* | 0.23:*FAILED*"Transition"*) ;;
        *) echo "CHANGED"; exit 1 ;;
    esac
done
