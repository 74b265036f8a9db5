# Makes the image say that its C library is musl, to the probe, to packaging and to auditwheel.
set -eu
cat > /usr/local/bin/getconf <<'SCRIPT'
#!/bin/sh
for word; do
    case $word in
    GNU_LIBC_VERSION | GNU_LIBPTHREAD_VERSION) echo "getconf: $word: unknown variable" >&2; exit 1 ;;
    esac
done
exec /usr/bin/getconf "$@"
SCRIPT
chmod 755 /usr/local/bin/getconf
# Under this name musl's loader is ldd.
ln -sfn "$(echo /lib/ld-musl-*.so.1)" /usr/local/bin/ldd
