# Gives gcc's unwinder (libgcc_eh, compiled against glibc 2.35 or newer) the one function of glibc that it calls, in terms
# of musl's: without it any module with C++ exceptions, `-fexceptions` or a cleanup fails to load.
set -eu
prefix=/usr/local/musl
directory=$(mktemp -d)
cat > "$directory/find.c" <<'SOURCE'
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <stddef.h>

/* The interface of glibc's <dlfcn.h>. */
struct dl_find_object {
    unsigned long long flags;
    void *map_start, *map_end;
    struct link_map *link_map;
    void *eh_frame;
#ifdef __i386__
    void *eh_dbase;
    unsigned int padding;
#endif
    unsigned long long reserved[7];
};

struct search {
    ElfW(Addr) pc;
    struct dl_find_object *result;
};

static int visit(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;
    const ElfW(Phdr) *header = NULL, *dynamic = NULL;
    int is_inside = 0;

    (void) size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *each = &info->dlpi_phdr[i];
        if (each->p_type == PT_LOAD && search->pc - (info->dlpi_addr + each->p_vaddr) < each->p_memsz) {
            is_inside = 1;
            search->result->map_start = (void *) (info->dlpi_addr + each->p_vaddr);
            search->result->map_end = (void *) (info->dlpi_addr + each->p_vaddr + each->p_memsz);
        } else if (each->p_type == PT_GNU_EH_FRAME) {
            header = each;
        } else if (each->p_type == PT_DYNAMIC) {
            dynamic = each;
        }
    }
    if (!is_inside || header == NULL)
        return is_inside ? -1 : 0;
    search->result->flags = 0;
    search->result->link_map = NULL;
    search->result->eh_frame = (void *) (info->dlpi_addr + header->p_vaddr);
#ifdef __i386__
    if (dynamic != NULL)
        for (const ElfW(Dyn) *entry = (void *) (info->dlpi_addr + dynamic->p_vaddr); entry->d_tag != DT_NULL; entry++)
            if (entry->d_tag == DT_PLTGOT)
                search->result->eh_dbase = (void *) entry->d_un.d_ptr;
#else
    (void) dynamic;
#endif
    return 1;
}

__attribute__((visibility("hidden"))) int _dl_find_object(void *pc, struct dl_find_object *result)
{
    struct search search = {(ElfW(Addr)) pc, result};
    return dl_iterate_phdr(visit, &search) == 1 ? 0 : -1;
}
SOURCE
gcc -O2 -fPIC -Wall -Wextra -Werror -c "$directory/find.c" -o "$directory/find.o"
rm -f "$prefix/lib/libgcc_musl.a"
ar rcs "$prefix/lib/libgcc_musl.a" "$directory/find.o"
rm -r "$directory"
grep -q libgcc_musl "$prefix/gcc.specs" ||
    sed -i "s|%:if-exists(libgcc_eh.a%s)|& $prefix/lib/libgcc_musl.a|" "$prefix/gcc.specs"
