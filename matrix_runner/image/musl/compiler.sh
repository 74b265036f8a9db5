# Makes gcc, and g++ if it is there, compile for musl, under the names that build systems ask for.
set -eu
prefix=/usr/local/musl
multiarch=$(basename /usr/lib/*-linux-musl)
# Debian's specs, with three changes. Headers and libraries of its own come before musl's; as `-idirafter`, so that those
# of C++ can precede them, as their `#include_next` asks. And --eh-frame-hdr, without which no exception finds its
# handler. They hide glibc's directories from the linker too (`link_libgcc`): it says `cannot find -lfoo`.
sed -e "s|-isystem /usr/include/$multiarch|-isystem /usr/local/include -isystem $prefix/include &|" \
    -e "s|-isystem|-idirafter|g" \
    -e "s|-L/usr/lib/$multiarch|-L/usr/local/lib -L$prefix/lib &|" \
    -e "s|-dynamic-linker|--eh-frame-hdr &|" \
    -e "s|^\*cc1:|*cc1plus:\n%{!nostdinc++:-nostdinc++ -isystem $prefix/include/c++ -isystem $prefix/include/c++/$multiarch}\n\n&|" \
    "/usr/lib/$multiarch/musl-gcc.specs" > "$prefix/gcc.specs"
# gcc's own directory stays in the linker's path, but for what is made for glibc: libatomic chooses its functions by IFUNC,
# which musl does not know, so that a module links and then does not load; libgcov, libgomp and libasan call glibc.
find "/usr/lib/gcc/${multiarch%-musl}-gnu" \
    '(' -name '*.so' ! -name liblto_plugin.so -o -name '*.a' ! -name libgcc.a ! -name libgcc_eh.a ')' -delete
wrap() { # $1: the compiler; the others: further names of it
    cat > "/usr/local/bin/$1" <<SCRIPT
#!/bin/sh
for word; do
    case \$word in
    -print-multiarch | --print-multiarch | -dumpmachine | --dumpmachine) echo $multiarch; exit 0 ;;
    esac
done
exec /usr/bin/$1 "\$@" -specs $prefix/gcc.specs
SCRIPT
    chmod 755 "/usr/local/bin/$1"
    compiler=$1
    shift
    for name; do ln -sfn "$compiler" "/usr/local/bin/$name"; done
}
wrap gcc cc musl-gcc "$multiarch-gcc" "$multiarch-cc"
[ ! -x /usr/bin/g++ ] || wrap g++ c++ "$multiarch-g++" "$multiarch-c++"
printf '#!/bin/sh\nexec /usr/local/bin/gcc -E "$@"\n' > /usr/local/bin/cpp
chmod 755 /usr/local/bin/cpp
