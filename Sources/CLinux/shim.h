// Linux calls that Swift's own view of the C library leaves out.
#include <sys/vfs.h>
#include <errno.h>

int syncfs(int descriptor);

// The kind of file system that holds path (statfs(2)), or -1.
static inline long saveferry_file_system_type(const char *path) {
    struct statfs info;
    return statfs(path, &info) == 0 ? (long)info.f_type : -1;
}

// Forces everything on the descriptor's file system to the disk (syncfs(2)).
static inline int saveferry_syncfs(int descriptor) { return syncfs(descriptor); }
