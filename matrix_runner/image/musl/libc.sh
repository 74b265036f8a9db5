# Makes Debian's musl one that wheels can be linked with: its soname is the one of the musllinux tag.
# Debian's own soname `libc.so` would make auditwheel graft the C library itself.
set -eu
prefix=/usr/local/musl
multiarch=$(basename /usr/lib/*-linux-musl)            # x86_64-linux-musl, i386-linux-musl
loader=$(basename /lib/ld-musl-*.so.1)                 # ld-musl-x86_64.so.1, ld-musl-i386.so.1
case $loader in
    ld-musl-i386.so.1) soname=libc.musl-x86.so.1 ;;
    *) soname=libc.${loader#ld-}; ;;                   # libc.musl-x86_64.so.1
esac
mkdir -p "$prefix/lib/pkgconfig" "$prefix/include"
# Only the linker reads this copy; at run time it is the loader, which has the C library in itself.
cp "/usr/lib/$multiarch/libc.so" "$prefix/lib/libc.so"
patchelf --set-soname "$soname" "$prefix/lib/libc.so"
ln -sfn "$loader" "/lib/$soname"
# With colons: auditwheel does not split at line ends, musl does at both. One such file alone: auditwheel takes no more.
printf '/lib/%s:/usr/local/lib:%s/lib\n' "$multiarch" "$prefix" > "/etc/${loader%.so.1}.path"
rm -rf "/etc/${loader%.so.1}.d"
# The kernel's headers, which the specs hide together with glibc's.
ln -sfn /usr/include/linux "$prefix/include/linux"
ln -sfn /usr/include/asm-generic "$prefix/include/asm-generic"
ln -sfn "/usr/include/${multiarch%-musl}-gnu/asm" "$prefix/include/asm"
# glibc's programs must not find musl's libraries there after an `ldconfig` in before-all.
rm -f /etc/ld.so.conf.d/libc.conf
ldconfig
