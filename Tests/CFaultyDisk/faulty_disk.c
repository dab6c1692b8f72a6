#include "faulty_disk.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

static atomic_int fault;
static sqlite3_vfs *real, wrapped;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

// The journal, its log and its shared memory may have different methods; their calls for writing are the same.
enum { kinds_max = 4 };
static const sqlite3_io_methods *originals[kinds_max];
static sqlite3_io_methods replaced[kinds_max];

static int write_file(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at) {
    int code = atomic_load(&fault);
    return code ? code : originals[0]->xWrite(file, bytes, count, at);
}
static int truncate_file(sqlite3_file *file, sqlite3_int64 size) {
    int code = atomic_load(&fault);
    return code ? code : originals[0]->xTruncate(file, size);
}
static int sync_file(sqlite3_file *file, int flags) {
    int code = atomic_load(&fault);
    return code ? code : originals[0]->xSync(file, flags);
}

static int open_file(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out) {
    (void)vfs;
    int code = real->xOpen(real, name, file, flags, out);
    if (code != SQLITE_OK || !name || !strstr(name, "faulty-disk") || !file->pMethods) return code;
    pthread_mutex_lock(&lock);
    for (int kind = 0; kind < kinds_max; kind++) {
        if (!originals[kind]) {
            originals[kind] = file->pMethods;
            replaced[kind] = *file->pMethods;
            replaced[kind].xWrite = write_file;
            replaced[kind].xTruncate = truncate_file;
            replaced[kind].xSync = sync_file;
        }
        if (originals[kind] == file->pMethods) {
            file->pMethods = &replaced[kind];
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return code;
}

void faulty_disk_install(void) {
    pthread_mutex_lock(&lock);
    if (!real) {
        real = sqlite3_vfs_find(0);
        wrapped = *real;
        wrapped.zName = "faulty";
        wrapped.xOpen = open_file;
        sqlite3_vfs_register(&wrapped, 1);
    }
    pthread_mutex_unlock(&lock);
}

void faulty_disk_fail(int code) { atomic_store(&fault, code); }
