# Compiles libstdc++ for musl, statically linked into what uses it: gcc's own, of the version of the root's compiler (the
# package g++ is in the root). $1: the directory of the sources.
set -eu
sources=$1
prefix=/usr/local/musl
host=$(gcc -dumpmachine)
mkdir -p "$sources/gcc/build"
cd "$sources/gcc"
tar -xOf "$(echo "$sources"/gcc-*.orig.tar.gz)" --wildcards '*/gcc-*-dfsg.tar.xz' | xz -dc | tar -x --strip-components=1 \
    --wildcards '*/libstdc++-v3' '*/libgcc/gthr*' '*/libgcc/unwind*' '*/include' '*/libiberty/cp-demangle*' '*/config' \
    '*/config.*' '*/config-ml.in' '*/install-sh' '*/ltmain.sh' '*/lt*.m4' '*/libtool.m4' '*/missing' '*/mkinstalldirs' \
    '*/libbacktrace' '*/gcc/BASE-VER' '*/gcc/DATESTAMP' --exclude='*.cc.gz' --exclude='*/testsuite/[0-9]*'
# What gcc's own build would write there; and weak references to pthreads are for glibc before 2.34.
ln -sfn gthr-posix.h libgcc/gthr-default.h
sed -i 's/#define GTHREAD_USE_WEAK 1/#define GTHREAD_USE_WEAK 0/' libgcc/gthr.h
cd build
../libstdc++-v3/configure -q --build="$host" --host="$host" --prefix=$prefix --libdir=$prefix/lib --disable-multilib \
    --disable-nls --disable-libstdcxx-pch --disable-shared --with-pic --with-gxx-include-dir=$prefix/include/c++ \
    CC=gcc CXX=g++ CFLAGS="-O2 -g0 -fPIC" CXXFLAGS="-O2 -g0 -fPIC"
make -s -j"$(nproc)"
make -s install
rm -rf $prefix/lib/*.la $prefix/lib/libsupc++.a $prefix/lib/*-gdb.py $prefix/lib/libc.musl-* $prefix/share "$sources/gcc"
# Nothing is compiled for glibc here: its libstdc++ and headers go, 30 MB.
rm -rf /usr/include/c++ /usr/include/*-linux-gnu/c++ /usr/lib/gcc/*/*/libstdc++*
