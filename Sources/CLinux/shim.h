// Linux calls that Swift's own view of the C library leaves out.
#include <sys/vfs.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

int syncfs(int descriptor);

// The kind of file system that holds path (statfs(2)), or -1.
static inline long saveferry_file_system_type(const char *path) {
    struct statfs info;
    return statfs(path, &info) == 0 ? (long)info.f_type : -1;
}

// Forces everything on the descriptor's file system to the disk (syncfs(2)).
static inline int saveferry_syncfs(int descriptor) { return syncfs(descriptor); }

// Renames unless the new name exists (renameat2(2) with RENAME_NOREPLACE).
static inline int saveferry_rename_without_replacing(const char *from, const char *to) {
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 1u);
}
