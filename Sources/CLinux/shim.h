// Linux calls that Swift's own view of the C library leaves out.
#include <sys/vfs.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int syncfs(int descriptor);
int sync_file_range(int descriptor, long long offset, long long count, unsigned int flags);

// The kind of file system that holds path (statfs(2)), or -1.
static inline long saveferry_file_system_type(const char *path) {
    struct statfs info;
    return statfs(path, &info) == 0 ? (long)info.f_type : -1;
}

// Forces everything on the descriptor's file system to the disk (syncfs(2)).
static inline int saveferry_syncfs(int descriptor) { return syncfs(descriptor); }

// Begins to write a file's contents to the disk, and does not wait (sync_file_range(2)).
static inline void saveferry_begin_writing_back(int descriptor) {
    const unsigned int write = 2; // SYNC_FILE_RANGE_WRITE
    sync_file_range(descriptor, 0, 0, write);
}

// Renames unless the new name exists (renameat2(2) with RENAME_NOREPLACE).
static inline int saveferry_rename_without_replacing(const char *from, const char *to) {
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 1u);
}

// A new file that exists only in memory and no other program inherits (memfd_create(2)), or -1.
int memfd_create(const char *name, unsigned int flags);
static inline int saveferry_memory_file(const char *name) { return memfd_create(name, 1u /* MFD_CLOEXEC */); }

// A pipe that no other program inherits (pipe2(2)), or -1.
int pipe2(int descriptors[2], int flags);
static inline int saveferry_pipe(int descriptors[2]) { return pipe2(descriptors, O_CLOEXEC); }

// A program that is started gets none of our descriptors but the three standard ones (glibc 2.34).
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
static inline int saveferry_close_others(posix_spawn_file_actions_t *actions) {
    return posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

// Keeps freed memory for the next buffer. glibc by itself gives buffers of this program's sizes back to the system and
// takes them anew each time, at the price of a page fault every 4 KiB (mallopt(3)).
static inline void saveferry_keep_freed_memory(void) {
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 2 << 20);
}
