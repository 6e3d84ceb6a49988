/* Faults of a disk, for files of one folder: loaded in front of libc (LD_PRELOAD) into a process of the tests.
 *
 * FAULTS_FOLDER   the folder whose files are watched (absolute, without links); all else passes through untouched
 * FAULTS_CONTROL  a file of 16 numbers (int64), mapped by this process and by the test: faults in, counts out
 * FAULTS_SHADOW   if set, a folder that holds what is durable: `data/<inode>` is the content of a file as of its last
 *                 fsync, `names/<name>` says which of them a name leads to after a crash
 *
 * What is durable, in this model:
 * - the content of a file: as it was at its last fsync or fdatasync (both do the same here);
 * - its name: from the first fsync of the file on, as ext4, XFS and btrfs do it (POSIX promises less), or from an fsync
 *   of the folder on;
 * - unlink and rename: from an fsync of the folder on, or of the renamed file under its new name.
 * The test may also let parts of what was not durable survive; see shim.py. A process under FAULTS_SHADOW is told that
 * its fsync succeeded as soon as the shadow is up to date; the true fsync is left out, since only kill ends it.
 *
 * Not watched: subfolders. Not modelled: writing through mmap (SQLite does so with -shm alone, which a crash loses and which is left alone),
 * writev, sendfile, copy_file_range, fopen, and that Linux may call a page clean whose fsync failed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same order as in shim.py. */
enum { SPACE, FAIL_SYNC_FROM, DENIED, DENIED_ERRNO, OPENED, WRITTEN, TRUNCATED, SYNCED, UNLINKED, RENAMED, REFUSED };
enum { OPENING = 1, NAMING = 2, WRITING = 4 }; /* what DENIED forbids */

static int64_t *control;
static char folder[PATH_MAX], shadow[PATH_MAX];
static size_t folder_length;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
    const char *watched = getenv("FAULTS_FOLDER"), *file = getenv("FAULTS_CONTROL"), *durable = getenv("FAULTS_SHADOW");
    if (!watched || !file) return;
    int fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, 16 * sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        perror("the control file of the faults cannot be mapped");
        abort();
    }
    close(fd);
    snprintf(folder, sizeof folder, "%s", watched);
    folder_length = strlen(folder);
    if (durable) snprintf(shadow, sizeof shadow, "%s", durable);
    control = mapped;
}

static int64_t get(int which) { return __atomic_load_n(&control[which], __ATOMIC_SEQ_CST); }
static int64_t add(int which, int64_t n) { return __atomic_add_fetch(&control[which], n, __ATOMIC_SEQ_CST); }

static int refuse(int error) {
    add(REFUSED, 1);
    errno = error;
    return -1;
}

static int is_shared_memory(const char *path) {
    size_t length = strlen(path);
    return length > 4 && !strcmp(path + length - 4, "-shm");
}

/* The name inside the folder; "" for the folder itself, NULL for what lies elsewhere. */
static const char *inside(const char *path) {
    if (!control || strncmp(path, folder, folder_length)) return NULL;
    if (!path[folder_length]) return "";
    if (path[folder_length] != '/' || strchr(path + folder_length + 1, '/')) return NULL;
    return path + folder_length + 1;
}

static const char *named(int at, const char *path, char *room) {
    if (!control || !path) return NULL;
    if (path[0] == '/') return inside(path);
    char link[64];
    if (at == AT_FDCWD) {
        if (syscall(SYS_getcwd, room, PATH_MAX) < 0) return NULL;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t n = readlink(link, room, PATH_MAX - 1);
        if (n < 0) return NULL;
        room[n] = 0;
    }
    size_t length = strlen(room);
    if (length + strlen(path) + 2 > PATH_MAX) return NULL;
    room[length] = '/';
    strcpy(room + length + 1, path);
    return inside(room);
}

static const char *opened(int fd, char *room) {
    if (!control) return NULL;
    int before = errno;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, room, PATH_MAX - 1);
    errno = before;
    if (n < 0) return NULL;
    room[n] = 0;
    return inside(room);
}

static void joined(char *room, const char *a, const char *b) {
    size_t m = strlen(a), n = strlen(b);
    if (m + n + 2 > PATH_MAX) abort();
    memcpy(room, a, m);
    room[m] = '/';
    memcpy(room + m + 1, b, n + 1);
}

static void as_text(char room[24], const struct stat *st) {
    snprintf(room, 24, "%llu", (unsigned long long)st->st_ino);
}

/* The shadow. All of it is done under the lock, and each file of it is replaced at once: a kill leaves old or new. */

static void shadow_path(char *room, const char *kind, const char *name) {
    char of_kind[PATH_MAX];
    joined(of_kind, shadow, kind);
    joined(room, of_kind, name);
}

static void shadow_put(const char *kind, const char *name, int from, const char *text) {
    static char content[1 << 18];
    char path[PATH_MAX], new[PATH_MAX];
    shadow_path(path, kind, name);
    joined(new, shadow, "new");
    int to = syscall(SYS_openat, AT_FDCWD, new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to < 0) abort();
    if (from >= 0) {
        off_t at = 0;
        for (ssize_t n; (n = syscall(SYS_pread64, from, content, sizeof content, at)) != 0; at += n)
            if (n < 0 || syscall(SYS_write, to, content, n) != n) abort();
    } else if (text && syscall(SYS_write, to, text, strlen(text)) != (ssize_t)strlen(text)) abort();
    syscall(SYS_close, to);
    if (syscall(SYS_renameat2, AT_FDCWD, new, AT_FDCWD, path, 0)) abort();
}

static void shadow_get(const char *name, char *room, size_t size) {
    char path[PATH_MAX];
    shadow_path(path, "names", name);
    room[0] = 0;
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t n = syscall(SYS_read, fd, room, size - 1);
    room[n > 0 ? n : 0] = 0;
    syscall(SYS_close, fd);
}

static void shadow_unlink(const char *kind, const char *name) {
    char path[PATH_MAX];
    shadow_path(path, kind, name);
    syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

/* Every durable name that leads to `content` but `kept` is made to lead to `instead`, or to nothing. */
static int shadow_lead(const char *content, const char *instead, const char *kept) {
    char path[PATH_MAX], known[64];
    int found = 0;
    joined(path, shadow, "names");
    DIR *durable = opendir(path);
    if (!durable) abort();
    for (struct dirent *entry; (entry = readdir(durable));) {
        shadow_get(entry->d_name, known, sizeof known);
        if (entry->d_name[0] == '.' || strcmp(known, content) || (kept && !strcmp(entry->d_name, kept))) continue;
        found = 1;
        if (instead) shadow_put("names", entry->d_name, -1, instead);
        else shadow_unlink("names", entry->d_name);
    }
    closedir(durable);
    return found;
}

/* A file loses its name, and its inode may become another's: what was durable of it stays under a name of its own. */
static void shadow_retire(const char *path) {
    static unsigned gone;
    struct stat st;
    char inode[24], kept[64], from[PATH_MAX], to[PATH_MAX];
    if (!shadow[0] || lstat(path, &st) || !S_ISREG(st.st_mode)) return;
    as_text(inode, &st);
    snprintf(kept, sizeof kept, "%s-%d-%u", inode, (int)getpid(), gone++);
    shadow_path(from, "data", inode);
    shadow_path(to, "data", kept);
    if (link(from, to)) return; /* nothing of it was durable */
    if (!shadow_lead(inode, kept, NULL)) shadow_unlink("data", kept);
    shadow_unlink("data", inode);
}

static void shadow_names(void) {
    char path[PATH_MAX], inode[24], known[64];
    struct stat st;
    DIR *live = opendir(folder);
    if (!live) abort();
    for (struct dirent *entry; (entry = readdir(live));) {
        joined(path, folder, entry->d_name);
        if (lstat(path, &st) || !S_ISREG(st.st_mode) || is_shared_memory(path)) continue;
        as_text(inode, &st);
        shadow_get(entry->d_name, known, sizeof known);
        if (!strcmp(known, inode)) continue;
        shadow_path(path, "data", inode);
        if (syscall(SYS_faccessat, AT_FDCWD, path, F_OK)) shadow_put("data", inode, -1, "");
        shadow_put("names", entry->d_name, -1, inode);
    }
    closedir(live);
    joined(path, shadow, "names");
    DIR *durable = opendir(path);
    if (!durable) abort();
    for (struct dirent *entry; (entry = readdir(durable));) {
        joined(path, folder, entry->d_name);
        if (entry->d_name[0] != '.' && lstat(path, &st)) shadow_unlink("names", entry->d_name);
    }
    closedir(durable);
}

static void shadow_sync(int fd, const char *name) {
    struct stat st;
    char inode[24], link[64];
    if (!*name) {
        shadow_names();
        return;
    }
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !st.st_nlink) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int from = syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
    if (from < 0) abort();
    as_text(inode, &st);
    shadow_put("data", inode, from, NULL);
    syscall(SYS_close, from);
    shadow_put("names", name, -1, inode);
    shadow_lead(inode, NULL, name); /* if it was renamed, its former name is gone as well */
}

/* Opening. */

static int open_watched(int at, const char *path, int flags, mode_t mode) {
    char room[PATH_MAX];
    const char *name = named(at, path, room);
    if (!name || !*name) return syscall(SYS_openat, at, path, flags, mode);
    add(OPENED, 1);
    int denied = get(DENIED), there = !syscall(SYS_faccessat, at, path, F_OK);
    if (there && (denied & OPENING) && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC)))
        return refuse(get(DENIED_ERRNO));
    if (!there && (denied & NAMING) && (flags & O_CREAT)) return refuse(get(DENIED_ERRNO));
    int fd = syscall(SYS_openat, at, path, flags, mode);
    if (fd >= 0 && !there && shadow[0] && !is_shared_memory(path)) {
        struct stat st;
        char inode[24];
        pthread_mutex_lock(&one_at_a_time);
        if (!fstat(fd, &st)) { /* a new file: nothing of it is durable, whatever had its inode before */
            as_text(inode, &st);
            shadow_unlink("data", inode);
        }
        pthread_mutex_unlock(&one_at_a_time);
    }
    return fd;
}

#define MODE_OF(flags, mode)                          \
    mode_t mode = 0;                                  \
    if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
        va_list rest;                                 \
        va_start(rest, flags);                        \
        mode = va_arg(rest, int);                     \
        va_end(rest);                                 \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_watched(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_watched(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int at, const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_watched(at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_watched(at, path, flags | O_LARGEFILE, mode);
}

/* Writing. A file that grows uses space; what is there can be written over on a full disk. */

static ssize_t allowed(int fd, size_t count, off_t at) {
    struct stat st;
    add(WRITTEN, 1);
    if (get(DENIED) & WRITING) return refuse(get(DENIED_ERRNO));
    if (get(SPACE) < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) return count;
    int64_t growth = (int64_t)at + (int64_t)count - st.st_size;
    if (growth <= 0) return count;
    pthread_mutex_lock(&one_at_a_time);
    int64_t space = get(SPACE), used = growth < space ? growth : space;
    if (space < 0) used = growth;
    else add(SPACE, -used);
    pthread_mutex_unlock(&one_at_a_time);
    int64_t left = (int64_t)count - (growth - used);
    return left > 0 ? left : refuse(ENOSPC); /* what fits is written first, as a true disk does it */
}

static ssize_t pwrite_watched(int fd, const void *content, size_t count, off_t at) {
    char room[PATH_MAX];
    const char *name = opened(fd, room);
    if (name && count && !is_shared_memory(name)) {
        ssize_t fits = allowed(fd, count, at);
        if (fits < 0) return -1;
        count = fits;
    }
    return syscall(SYS_pwrite64, fd, content, count, at);
}
ssize_t pwrite(int fd, const void *content, size_t count, off_t at) { return pwrite_watched(fd, content, count, at); }
ssize_t pwrite64(int fd, const void *content, size_t count, off64_t at) { return pwrite_watched(fd, content, count, at); }

ssize_t write(int fd, const void *content, size_t count) {
    char room[PATH_MAX];
    const char *name = opened(fd, room);
    if (name && count && !is_shared_memory(name)) {
        struct stat st;
        off_t at = lseek(fd, 0, SEEK_CUR);
        if ((fcntl(fd, F_GETFL) & O_APPEND) && !fstat(fd, &st)) at = st.st_size;
        ssize_t fits = allowed(fd, count, at);
        if (fits < 0) return -1;
        count = fits;
    }
    return syscall(SYS_write, fd, content, count);
}

static void give_back(int64_t bytes) {
    pthread_mutex_lock(&one_at_a_time);
    if (bytes > 0 && get(SPACE) >= 0) add(SPACE, bytes);
    pthread_mutex_unlock(&one_at_a_time);
}

static int truncate_watched(int fd, off_t length) {
    char room[PATH_MAX];
    const char *name = opened(fd, room);
    struct stat st = {0};
    if (name && !is_shared_memory(name)) {
        add(TRUNCATED, 1);
        if (get(DENIED) & WRITING) return refuse(get(DENIED_ERRNO));
        if (fstat(fd, &st)) st.st_size = 0;
    }
    int answer = syscall(SYS_ftruncate, fd, length);
    if (!answer && name) give_back(st.st_size - length);
    return answer;
}
int ftruncate(int fd, off_t length) { return truncate_watched(fd, length); }
int ftruncate64(int fd, off64_t length) { return truncate_watched(fd, length); }

/* Making durable. */

static int sync_watched(int fd, long call) {
    char room[PATH_MAX];
    const char *name = opened(fd, room);
    if (!name || is_shared_memory(name)) return syscall(call, fd);
    int64_t count = add(SYNCED, 1), from = get(FAIL_SYNC_FROM);
    if (from && count >= from) return refuse(EIO);
    if (!shadow[0]) return syscall(call, fd);
    pthread_mutex_lock(&one_at_a_time);
    shadow_sync(fd, name);
    pthread_mutex_unlock(&one_at_a_time);
    return 0;
}
int fsync(int fd) { return sync_watched(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_watched(fd, SYS_fdatasync); }

/* Names. */

static int unlink_watched(int at, const char *path, int flags) {
    char room[PATH_MAX];
    const char *name = named(at, path, room);
    struct stat st = {0};
    if (!name || is_shared_memory(path)) return syscall(SYS_unlinkat, at, path, flags);
    add(UNLINKED, 1);
    if (get(DENIED) & NAMING) return refuse(get(DENIED_ERRNO));
    pthread_mutex_lock(&one_at_a_time);
    char full[PATH_MAX];
    joined(full, folder, name);
    if (lstat(full, &st)) st.st_size = 0;
    shadow_retire(full);
    int answer = syscall(SYS_unlinkat, at, path, flags);
    pthread_mutex_unlock(&one_at_a_time);
    if (!answer) give_back(st.st_size);
    return answer;
}
int unlink(const char *path) { return unlink_watched(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return unlink_watched(at, path, flags); }

static int rename_watched(int from_at, const char *from, int to_at, const char *to) {
    char room[PATH_MAX], other[PATH_MAX], full[PATH_MAX];
    const char *old = named(from_at, from, room), *new = named(to_at, to, other);
    if (!old && !new) return syscall(SYS_renameat2, from_at, from, to_at, to, 0);
    add(RENAMED, 1);
    if (get(DENIED) & NAMING) return refuse(get(DENIED_ERRNO));
    pthread_mutex_lock(&one_at_a_time);
    if (new) {
        joined(full, folder, new);
        shadow_retire(full);
    }
    int answer = syscall(SYS_renameat2, from_at, from, to_at, to, 0);
    pthread_mutex_unlock(&one_at_a_time);
    return answer;
}
int rename(const char *from, const char *to) { return rename_watched(AT_FDCWD, from, AT_FDCWD, to); }
int renameat(int a, const char *from, int b, const char *to) { return rename_watched(a, from, b, to); }
