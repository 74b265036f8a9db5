# Compiles gcc's libraries for musl, of the version of the root's compiler (the package g++ is in the root): libstdc++ and
# libatomic, statically linked into what uses them, and libgomp (OpenMP), which repair grafts, for there can be only one
# in a process. $1: the directory of the sources.
set -eu
sources=$1
prefix=/usr/local/musl
host=$(gcc -dumpmachine)
mkdir -p "$sources/gcc"
cd "$sources/gcc"
tar -xOf "$(echo "$sources"/gcc-*.orig.tar.gz)" --wildcards '*/gcc-*-dfsg.tar.xz' | xz -dc | tar -x --strip-components=1 \
    --wildcards --exclude='*/testsuite/[0-9]*' '*/libstdc++-v3' '*/libatomic' '*/libgomp' '*/libbacktrace' '*/include' \
    '*/libgcc/gthr*' '*/libgcc/unwind*' '*/libiberty/cp-demangle*' '*/config' '*/config.*' '*/config-ml.in' \
    '*/install-sh' '*/ltmain.sh' '*/libtool-ldflags' '*/lt*.m4' '*/libtool.m4' '*/missing' '*/mkinstalldirs' \
    '*/compile' '*/depcomp' '*/gcc/BASE-VER' '*/gcc/DATESTAMP'
# What gcc's own build would write there; and weak references to pthreads are for glibc before 2.34.
ln -sfn gthr-posix.h libgcc/gthr-default.h
sed -i 's/#define GTHREAD_USE_WEAK 1/#define GTHREAD_USE_WEAK 0/' libgcc/gthr.h

library() ( # $1: its directory; the others: options of its own
    mkdir "build-$1"
    cd "build-$1"
    directory=$1
    shift
    "../$directory/configure" -q --build="$host" --host="$host" --prefix=$prefix --libdir=$prefix/lib --disable-multilib \
        --disable-nls "$@" CC=gcc CXX=g++ FC=no CFLAGS="-O2 -g0 -fPIC" CXXFLAGS="-O2 -g0 -fPIC" > configure.log
    make -s -j"$(nproc)" > make.log
    make -s install > install.log
)

library libstdc++-v3 --disable-shared --with-pic --disable-libstdcxx-pch --with-gxx-include-dir=$prefix/include/c++ &
first=$!
libat_cv_have_ifunc=no library libatomic --disable-shared --with-pic
library libgomp --disable-static
wait "$first"
cd $prefix/lib
rm -rf gcc ./*.la libsupc++.a ./*-gdb.py libc.musl-* $prefix/share "$sources/gcc"
# Nothing is compiled for glibc here: its libstdc++ and headers go, 30 MB.
rm -rf /usr/include/c++ /usr/include/*-linux-gnu/c++ /usr/lib/gcc/*/*/libstdc++*
