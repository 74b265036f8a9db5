#!/bin/sh
# Sees to it that a C program can be linked with liblz4, on any image: manylinux (yum, dnf), musllinux (apk), Debian (apt).
set -eu

if echo 'int main(void) { return LZ4_versionNumber() == 0; }' |
    ${CC:-cc} -x c -include lz4.h -include lz4frame.h - -o /dev/null -llz4 2>/dev/null; then
    echo "liblz4 and its headers are here already"
    exit 0
fi

as_root=
[ "$(id -u)" = 0 ] || as_root="sudo -n"

if command -v apk >/dev/null; then
    $as_root apk add --no-cache lz4-dev
elif command -v dnf >/dev/null; then
    $as_root dnf install -y lz4-devel
elif command -v yum >/dev/null; then
    $as_root yum install -y lz4-devel
elif command -v apt-get >/dev/null; then
    $as_root apt-get update -q
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends liblz4-dev
else
    echo "install-lz4.sh: none of apk, dnf, yum and apt-get is here; install liblz4 with its headers by hand" >&2
    exit 1
fi
