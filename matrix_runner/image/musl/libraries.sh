# Compiles for musl what CPython's own modules need: ssl, hashlib, ctypes, zlib, bz2, lzma, sqlite3.
# $1: the directory of the sources. Two at a time: their `configure` scripts use one core.
set -eu
sources=$1
prefix=/usr/local/musl
host=$(gcc -dumpmachine)
case $host in
    x86_64-*) openssl_target=linux-x86_64 ;;
    i386-*) openssl_target=linux-x86 ;;
esac

unpack() {
    mkdir -p "$sources/$1"
    tar -xf "$(echo "$sources/$1"_*.orig.tar.*)" -C "$sources/$1" --strip-components=1
    cd "$sources/$1"
}

openssl() (
    unpack openssl
    # -O1 where the assembler parts do the work; no-async: musl has no makecontext. Most of the time goes here.
    ./Configure "$openssl_target" --prefix=$prefix --libdir=lib --openssldir=/etc/ssl \
        shared no-tests no-engine no-async no-comp -O1 -g0 > configure.log
    make -s -j"$(nproc)" build_libs
    make -s install_dev
)

zlib() (
    unpack zlib
    CFLAGS="-O2 -g0" ./configure --prefix=$prefix > configure.log
    make -s -j"$(nproc)" install
)

libffi() (
    unpack libffi
    # gcc 14 makes an error of a function that 3.4.4 does not declare (3.4.8 of trixie has no `configure`).
    CFLAGS="-O2 -g0 -Wno-error=implicit-function-declaration" \
        ./configure -q --build="$host" --prefix=$prefix --libdir=$prefix/lib --disable-static --disable-docs \
        --disable-multi-os-directory --disable-dependency-tracking
    make -s -j"$(nproc)" install
)

bzip2() (
    unpack bzip2
    gcc -shared -fPIC -O2 -g0 -D_FILE_OFFSET_BITS=64 -Wl,-soname,libbz2.so.1.0 -o $prefix/lib/libbz2.so.1.0 \
        blocksort.c huffman.c crctable.c randtable.c compress.c decompress.c bzlib.c
    ln -sfn libbz2.so.1.0 $prefix/lib/libbz2.so
    cp bzlib.h $prefix/include/
)

xz() (
    unpack xz-utils
    CFLAGS="-O2 -g0" ./configure -q --build="$host" --prefix=$prefix --disable-static --disable-doc --disable-nls \
        --disable-xz --disable-xzdec --disable-lzmadec --disable-lzmainfo --disable-scripts --disable-lzma-links \
        --disable-dependency-tracking
    make -s -j"$(nproc)" install
)

sqlite() (
    unpack sqlite3
    # Only the amalgamation, which is made by Tcl; pkg-config's file is not needed.
    ./configure -q --disable-tcl --disable-readline --build="$host"
    make -s sqlite3.c
    gcc -shared -fPIC -O1 -g0 -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE \
        -Wl,-soname,libsqlite3.so.0 -o $prefix/lib/libsqlite3.so.0 sqlite3.c
    ln -sfn libsqlite3.so.0 $prefix/lib/libsqlite3.so
    cp sqlite3.h sqlite3ext.h $prefix/include/
)

openssl & first=$!
for library in zlib libffi bzip2 xz sqlite; do
    started=$(date +%s)
    # Not `library || exit`, which would switch off `set -e` in it.
    "$library"
    echo "$library: $(($(date +%s) - started)) s"
done
wait "$first"
# libtool's ldconfig made it, of the copy that only the linker may read.
rm -f $prefix/lib/libc.musl-*
find $prefix/lib '(' -name '*.a' ! -name libgcc_musl.a ! -name 'libst*.a' ! -name libatomic.a -o -name '*.la' ')' -delete
find $prefix/lib -name '*.so.*' -type f -exec strip --strip-unneeded {} +
rm -rf $prefix/share "$sources"/*/
