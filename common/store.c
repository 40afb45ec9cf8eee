/* One file, though a long one: no type, code or memory of LMDB may leave it. */
#include "common/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB                 (1024 * 1024)
#define MAP_INITIAL_DEFAULT ((size_t)16 * MIB)
#define MAP_MAX_DEFAULT     ((size_t)4096 * MIB)
#define PATH_SIZE           512

#define DATA_FILE "data.mdb" /* LMDB's own name for it */

/* Our own table, besides the user's. */
#define META_TABLE "standfast"
#define META_KEY   "format"

struct store {
    char path[PATH_SIZE];
    char table_names[STORE_TABLES_MAX][32];
    unsigned table_count;
    uint32_t format;
    size_t map_max;
    bool lazy;
    int lock;     /* descriptor of the lock file */
    MDB_env *env; /* NULL after a failed opening again: the next transaction tries once more */
    size_t map_bytes;
    MDB_dbi tables[STORE_TABLES_MAX];
    bool running; /* a transaction is */
    bool full;
    char error[STORE_ERROR_MAX];
};

struct store_txn {
    struct store *store;
    MDB_txn *txn;
    bool writes;
    int failed; /* the first LMDB code that makes the transaction worthless, or 0 */
};

/* ---- errors ------------------------------------------------------------------------------- */

/* errno_of - LMDB's code as a negative errno. */
static int errno_of(int code)
{
    switch (code) {
    case MDB_SUCCESS: return 0;
    case MDB_NOTFOUND: return -ENOENT;
    case MDB_KEYEXIST: return -EEXIST;
    case MDB_BAD_VALSIZE: return -EINVAL;
    case MDB_TXN_FULL: return -E2BIG;
    case MDB_MAP_FULL:
    case EFBIG:
    case EDQUOT: return -ENOSPC;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE: return -EBADMSG;
    default: return code > 0 ? -code : -EIO;
    }
}

static int fail(struct store *s, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* fail - remember what went wrong, in words; returns ERROR. */
static int fail(struct store *s, int error, const char *format, ...)
{
    size_t n = (size_t)snprintf(s->error, sizeof s->error, "store %s: ", s->path);
    va_list args;

    va_start(args, format);
    vsnprintf(s->error + n, sizeof s->error - n, format, args);
    va_end(args);
    return error;
}

/* fail_lmdb - the same for LMDB's CODE, with what to do about it. */
static int fail_lmdb(struct store *s, int code, const char *doing)
{
    int error = errno_of(code);

    if (code == MDB_MAP_FULL)
        return fail(s, error,
                    "full at its maximum of %zu MiB; writes are refused, reads go on; delete what "
                    "is old or raise the maximum",
                    s->map_max / MIB);
    if (error == -ENOSPC)
        return fail(s, error,
                    "disk full; writes are refused, reads go on; make room on its file system and "
                    "it works again");
    if (error == -EBADMSG)
        return fail(s, error,
                    "damaged (%s); move the folder away and start again, this host then copies "
                    "from the others",
                    mdb_strerror(code));
    if (error == -EROFS || error == -EACCES || error == -EPERM)
        return fail(s, error, "%s: %s; mount it writable and give the folder to this user", doing,
                    strerror(-error));
    return fail(s, error, "%s: %s; look at the disk", doing, mdb_strerror(code));
}

const char *store_error(const struct store *s)
{
    return s->error;
}

bool store_full(const struct store *s)
{
    return s->full;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* sync_folder - make the entries of the folder at PATH outlive a power cut. */
static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = 0;

    if (fd < 0)
        return -errno;
    if (fsync(fd) < 0 && errno != EINVAL) /* some file systems cannot, and need not */
        r = -errno;
    close(fd);
    return r;
}

static int make_folder(struct store *s)
{
    char path[PATH_SIZE];

    for (char *slash = strchr(s->path + 1, '/');; slash = strchr(slash + 1, '/')) {
        size_t n = slash != NULL ? (size_t)(slash - s->path) : strlen(s->path);
        memcpy(path, s->path, n);
        path[n] = '\0';
        if (mkdir(path, slash != NULL ? 0755 : 0700) == 0) {
            char *parent_end = strrchr(path, '/');
            *(parent_end == path ? parent_end + 1 : parent_end) = '\0';
            (void)sync_folder(path);
        } else if (errno != EEXIST) {
            return fail_lmdb(s, errno, "making its folder");
        }
        if (slash == NULL)
            return 0;
    }
}

static int take_lock(struct store *s)
{
    char path[PATH_SIZE + 8];

    snprintf(path, sizeof path, "%s/lock", s->path);
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock < 0)
        return fail_lmdb(s, errno, "making its lock file");
    if (flock(s->lock, LOCK_EX | LOCK_NB) < 0)
        return fail(s, -EBUSY, "another process has it open; stop that one first (lsof %s)", path);
    return 0;
}

/* count_free_pages - how many pages from FIRST on LMDB's own list of free pages (its table 0)
 * names. */
static int count_free_pages(MDB_txn *txn, size_t first, size_t *ret_count)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    size_t count = 0;
    int code = mdb_cursor_open(txn, 0, &cursor);

    if (code != 0)
        return code;
    while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        const size_t *pages = value.mv_data; /* [0] is their number */
        for (size_t i = 1; i <= pages[0]; i++)
            count += pages[i] >= first;
    }
    mdb_cursor_close(cursor);
    *ret_count = count;
    return code == MDB_NOTFOUND ? 0 : code;
}

/* check_length - refuse a file that was cut off, as reading beyond its end would kill the process.
 *
 * Pages that were taken and freed in one transaction are never written, so a sound file may be
 * shorter than its last page; then all the missing pages are on the list of free ones.
 */
static int check_length(struct store *s, const char *file)
{
    struct stat st;
    MDB_envinfo info;
    MDB_stat tree;
    MDB_txn *txn;
    size_t pages, missing, free_pages = 0;
    int code;

    mdb_env_info(s->env, &info);
    mdb_env_stat(s->env, &tree);
    if (stat(file, &st) < 0)
        return fail_lmdb(s, errno, "looking at its file");
    pages = (size_t)st.st_size / tree.ms_psize;
    if (pages > info.me_last_pgno)
        return 0;
    missing = info.me_last_pgno + 1 - pages;
    /* Now the list itself can be read without harm, should it be among what is missing. */
    if (truncate(file, (off_t)((info.me_last_pgno + 1) * tree.ms_psize)) < 0)
        return fail_lmdb(s, errno, "lengthening its file");
    code = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (code == 0) {
        code = count_free_pages(txn, pages, &free_pages);
        mdb_txn_abort(txn);
    }
    if (code == 0 && free_pages < missing) {
        (void)truncate(file, st.st_size); /* leave it as found */
        code = MDB_CORRUPTED;
    }
    return code == 0 ? 0 : fail_lmdb(s, code, "reading its list of free pages");
}

/* open_tables - with what is there already, or (CREATE) by making what is missing. */
static int open_tables(struct store *s, MDB_txn *txn, bool create)
{
    unsigned flags = create ? MDB_CREATE : 0;
    MDB_dbi meta;
    MDB_val key = {sizeof META_KEY - 1, META_KEY}, value;
    uint32_t format = s->format;
    int code = mdb_dbi_open(txn, META_TABLE, flags, &meta);

    if (code == 0)
        code = mdb_get(txn, meta, &key, &value);
    if (code == 0 && value.mv_size == sizeof format)
        memcpy(&format, value.mv_data, sizeof format);
    if (code == 0 && format != s->format)
        return fail(
            s, -EPROTO,
            "has format %u, this program reads format %u; use the program that wrote it, or "
            "move the folder away",
            format, s->format);
    if (code == MDB_NOTFOUND && create) {
        value = (MDB_val){sizeof format, &format};
        code = mdb_put(txn, meta, &key, &value, 0);
    }
    for (unsigned i = 0; code == 0 && i < s->table_count; i++)
        code = mdb_dbi_open(txn, s->table_names[i], flags, &s->tables[i]);
    if (code == MDB_NOTFOUND && !create)
        return -ENOENT;
    return code == 0 ? 0 : fail_lmdb(s, code, "opening its tables");
}

static int begin_and_open_tables(struct store *s, bool create)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(s->env, NULL, create ? 0 : MDB_RDONLY, &txn);
    int r;

    if (code != 0)
        return fail_lmdb(s, code, "beginning a transaction");
    r = open_tables(s, txn, create);
    if (r < 0) {
        mdb_txn_abort(txn);
        return r;
    }
    code = mdb_txn_commit(txn);
    return code == 0 ? 0 : fail_lmdb(s, code, "making its tables");
}

static void close_env(struct store *s)
{
    if (s->env != NULL)
        mdb_env_close(s->env);
    s->env = NULL;
}

/* attach - let LMDB map the file in FOLDER. */
static int attach(struct store *s, const char *folder)
{
    /* Our lock file and our single thread do what LMDB's lock table would; that one can be torn,
     * hold dead readers, and on a full disk kill the process. */
    const unsigned flags = MDB_NOLOCK | MDB_NOTLS | (s->lazy ? MDB_NOMETASYNC : 0u);
    int r, code = mdb_env_create(&s->env);

    if (code == 0)
        code = mdb_env_set_maxdbs(s->env, STORE_TABLES_MAX + 1);
    if (code == 0)
        code = mdb_env_set_mapsize(s->env, s->map_bytes);
    if (code == 0)
        code = mdb_env_open(s->env, folder, flags, 0600);
    if (code == 0)
        return 0;
    r = fail_lmdb(s, code, "opening it");
    close_env(s);
    return r;
}

/* make_file - a new file with all its tables, made aside and put in place when it is complete and
 * on disk, so that a power cut leaves a whole file or none.
 */
static int make_file(struct store *s, const char *file)
{
    char aside[PATH_SIZE + 16], new_file[PATH_SIZE + 32];
    int r, code;

    snprintf(aside, sizeof aside, "%s/new", s->path);
    snprintf(new_file, sizeof new_file, "%s/" DATA_FILE, aside);
    if (mkdir(aside, 0700) < 0 && errno != EEXIST)
        return fail_lmdb(s, errno, "making its file");
    if (unlink(new_file) < 0 && errno != ENOENT)
        return fail_lmdb(s, errno, "removing an unfinished file");
    r = attach(s, aside);
    if (r == 0)
        r = begin_and_open_tables(s, true);
    if (r == 0 && (code = mdb_env_sync(s->env, 1)) != 0)
        r = fail_lmdb(s, code, "writing its file");
    close_env(s);
    if (r == 0 && rename(new_file, file) < 0)
        r = fail_lmdb(s, errno, "putting its file in place");
    (void)unlink(new_file);
    (void)rmdir(aside);
    return r < 0 ? r : sync_folder(s->path);
}

/* find_file - see that the file is there, and has at least the two pages that every file has. */
static int find_file(struct store *s, const char *file)
{
    struct stat st;

    if (stat(file, &st) < 0)
        return errno == ENOENT ? make_file(s, file) : fail_lmdb(s, errno, "looking at its file");
    return st.st_size < 2 * sysconf(_SC_PAGESIZE) ? fail_lmdb(s, MDB_INVALID, "") : 0;
}

/* open_env - the file and its tables.  A store that is complete is only read, so that it opens on
 * a full disk; tables that a newer program adds are made.
 */
static int open_env(struct store *s)
{
    char file[PATH_SIZE + 16];
    MDB_envinfo info;
    int r;

    snprintf(file, sizeof file, "%s/" DATA_FILE, s->path);
    r = find_file(s, file);
    if (r == 0)
        r = attach(s, s->path);
    if (r < 0)
        return r;
    mdb_env_info(s->env, &info);
    s->map_bytes = info.me_mapsize; /* at least what the file has in use */
    r = check_length(s, file);
    if (r == 0)
        r = begin_and_open_tables(s, false);
    if (r == -ENOENT)
        r = begin_and_open_tables(s, true);
    if (r < 0)
        close_env(s);
    return r;
}

static void take_conf(struct store *s, const struct store_conf *conf)
{
    size_t n = strlen(conf->path);

    assert(conf->path[0] == '/' && n < sizeof s->path);
    memcpy(s->path, conf->path, n + 1);
    while (n > 1 && s->path[n - 1] == '/')
        s->path[--n] = '\0';
    for (; conf->tables[s->table_count] != NULL; s->table_count++) {
        assert(s->table_count < STORE_TABLES_MAX &&
               strlen(conf->tables[s->table_count]) < sizeof s->table_names[0]);
        snprintf(s->table_names[s->table_count], sizeof s->table_names[0], "%s",
                 conf->tables[s->table_count]);
    }
    s->format = conf->format;
    s->map_max = conf->map_max != 0 ? conf->map_max : MAP_MAX_DEFAULT;
    s->map_bytes = conf->map_initial != 0 ? conf->map_initial : MAP_INITIAL_DEFAULT;
    if (s->map_bytes > s->map_max)
        s->map_bytes = s->map_max;
    s->lazy = conf->lazy;
    s->lock = -1;
}

int store_open(const struct store_conf *conf, struct store **ret_store, char *error)
{
    struct store *s = calloc(1, sizeof *s);
    int r;

    if (s == NULL)
        abort();
    take_conf(s, conf);
    r = make_folder(s);
    if (r == 0)
        r = take_lock(s);
    if (r == 0)
        r = open_env(s);
    if (r < 0) {
        memcpy(error, s->error, sizeof s->error);
        store_close(&s);
        return r;
    }
    s->error[0] = '\0';
    *ret_store = s;
    return 0;
}

void store_close(struct store **store)
{
    struct store *s = *store;

    if (s == NULL)
        return;
    assert(!s->running);
    close_env(s);
    if (s->lock >= 0)
        close(s->lock);
    free(s);
    *store = NULL;
}

/* ---- transactions ------------------------------------------------------------------------- */

/* grow - double the map, up to its maximum; false when it is there already. */
static bool grow(struct store *s)
{
    size_t bytes = s->map_bytes <= s->map_max / 2 ? s->map_bytes * 2 : s->map_max;

    if (s->map_bytes >= s->map_max || mdb_env_set_mapsize(s->env, bytes) != 0)
        return false;
    s->map_bytes = bytes;
    return true;
}

/* run_once - one attempt.  Returns LMDB's code; what FN said goes to *RET_RESULT. */
static int run_once(struct store *s, store_txn_fn *fn, void *arg, bool writes, int *ret_result)
{
    struct store_txn t = {.store = s, .writes = writes};
    int code = mdb_txn_begin(s->env, NULL, writes ? 0 : MDB_RDONLY, &t.txn);

    *ret_result = 0;
    if (code != 0)
        return code;
    s->running = true;
    *ret_result = fn(&t, arg);
    s->running = false;
    assert(*ret_result <= 0);
    if (t.failed != 0 || *ret_result < 0 || !writes) {
        mdb_txn_abort(t.txn);
        return t.failed;
    }
    return mdb_txn_commit(t.txn);
}

/* disk_full - whether the file cannot grow by a page.  LMDB's word for a short write is EIO, also
 * when the reason is a full disk; then what was written before has taken the last room, and this
 * attempt is refused.
 */
static bool disk_full(const struct store *s)
{
    static const char page[4096];
    char file[PATH_SIZE + 16];
    struct stat st;
    bool full = false;
    int fd;

    snprintf(file, sizeof file, "%s/" DATA_FILE, s->path);
    fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0) {
        ssize_t n = pwrite(fd, page, sizeof page, st.st_size);
        full = n >= 0 ? n < (ssize_t)sizeof page : errno_of(errno) == -ENOSPC;
        full = ftruncate(fd, st.st_size) < 0 || full;
    }
    close(fd);
    return full;
}

/* mend - do what may let the transaction work after all; true when it is worth another attempt. */
static bool mend(struct store *s, int code, bool *reopened)
{
    if (code == MDB_MAP_FULL)
        return grow(s);
    if (code != MDB_PANIC || *reopened)
        return false;
    *reopened = true;
    close_env(s);
    return true;
}

static int run(struct store *s, store_txn_fn *fn, void *arg, bool writes)
{
    bool reopened = false;
    int code, result;

    assert(!s->running);
    s->error[0] = '\0';
    do {
        if (s->env == NULL) {
            int r = open_env(s);
            if (r < 0)
                return r;
        }
        code = run_once(s, fn, arg, writes, &result);
    } while (code != 0 && mend(s, code, &reopened));

    if (code == EIO && writes && disk_full(s))
        code = ENOSPC;
    if (code != 0)
        result = fail_lmdb(s, code, writes ? "writing" : "reading");
    if (writes && (result == 0 || result == -ENOSPC))
        s->full = result == -ENOSPC;
    return result;
}

int store_update(struct store *s, store_txn_fn *fn, void *arg)
{
    return run(s, fn, arg, true);
}

int store_view(struct store *s, store_txn_fn *fn, void *arg)
{
    return run(s, fn, arg, false);
}

int store_sync(struct store *s)
{
    int code = s->env != NULL ? mdb_env_sync(s->env, 1) : EIO;

    return code == 0 ? 0 : fail_lmdb(s, code, "syncing");
}

void store_usage(const struct store *s, struct store_usage *ret_usage)
{
    MDB_envinfo info = {.me_last_pgno = 0};
    MDB_stat tree = {.ms_psize = 0};

    if (s->env != NULL) {
        mdb_env_info(s->env, &info);
        mdb_env_stat(s->env, &tree);
    }
    ret_usage->bytes_used = (uint64_t)(info.me_last_pgno + 1) * tree.ms_psize;
    ret_usage->map_bytes = s->map_bytes;
    ret_usage->map_max = s->map_max;
}

/* ---- inside a transaction ----------------------------------------------------------------- */

static MDB_dbi table_of(const struct store_txn *t, unsigned table)
{
    assert(table < t->store->table_count);
    return t->store->tables[table];
}

static MDB_val val_of(struct store_bytes bytes)
{
    return (MDB_val){bytes.length, (void *)bytes.data};
}

/* outcome - LMDB's CODE for the caller; one that spoils the transaction is remembered. */
static int outcome(struct store_txn *t, int code)
{
    if (code != 0 && code != MDB_NOTFOUND && code != MDB_BAD_VALSIZE && t->failed == 0)
        t->failed = code;
    return errno_of(code);
}

int store_get(struct store_txn *t, unsigned table, struct store_bytes key, void **ret_value,
              size_t *ret_length)
{
    MDB_val k = val_of(key), v;
    int r = outcome(t, mdb_get(t->txn, table_of(t, table), &k, &v));
    void *copy;

    if (r < 0)
        return r;
    copy = malloc(v.mv_size + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, v.mv_data, v.mv_size);
    ((char *)copy)[v.mv_size] = '\0';
    *ret_value = copy;
    *ret_length = v.mv_size;
    return 0;
}

int store_get_into(struct store_txn *t, unsigned table, struct store_bytes key, void *buffer,
                   size_t length)
{
    MDB_val k = val_of(key), v;
    int r = outcome(t, mdb_get(t->txn, table_of(t, table), &k, &v));

    if (r < 0)
        return r;
    if (v.mv_size != length)
        return -EBADMSG;
    memcpy(buffer, v.mv_data, length);
    return 0;
}

int store_put(struct store_txn *t, unsigned table, struct store_bytes key, struct store_bytes value)
{
    MDB_val k = val_of(key), v = val_of(value);

    assert(t->writes);
    return outcome(t, mdb_put(t->txn, table_of(t, table), &k, &v, 0));
}

int store_del(struct store_txn *t, unsigned table, struct store_bytes key)
{
    MDB_val k = val_of(key);

    assert(t->writes);
    return outcome(t, mdb_del(t->txn, table_of(t, table), &k, NULL));
}

static int compare(const MDB_val *a, struct store_bytes b)
{
    size_t n = a->mv_size < b.length ? a->mv_size : b.length;
    int order = n > 0 ? memcmp(a->mv_data, b.data, n) : 0;

    return order != 0 ? order : a->mv_size < b.length ? -1 : a->mv_size > b.length;
}

/* seek - the first key at or after FROM. */
static int seek(MDB_cursor *cursor, struct store_bytes from, MDB_val *key, MDB_val *value)
{
    *key = val_of(from);
    return mdb_cursor_get(cursor, key, value, from.length > 0 ? MDB_SET_RANGE : MDB_FIRST);
}

int store_del_range(struct store_txn *t, unsigned table, struct store_bytes from,
                    struct store_bytes before)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int code = mdb_cursor_open(t->txn, table_of(t, table), &cursor);

    assert(t->writes);
    if (code != 0)
        return outcome(t, code);
    while ((code = seek(cursor, from, &key, &value)) == 0) {
        if (before.length > 0 && compare(&key, before) >= 0)
            break;
        code = mdb_cursor_del(cursor, 0);
        if (code != 0)
            break;
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : outcome(t, code);
}

/* Copies of the entry in hand. */
struct copies {
    unsigned char *bytes;
    size_t room;
    size_t key_length;
    size_t value_length;
};

static void copy_entry(struct copies *c, const MDB_val *key, const MDB_val *value)
{
    size_t need = key->mv_size + value->mv_size + 1;

    if (need > c->room) {
        c->room = need * 2;
        c->bytes = realloc(c->bytes, c->room);
        if (c->bytes == NULL)
            abort();
    }
    memcpy(c->bytes, key->mv_data, key->mv_size);
    if (value->mv_size > 0)
        memcpy(c->bytes + key->mv_size, value->mv_data, value->mv_size);
    c->key_length = key->mv_size;
    c->value_length = value->mv_size;
}

static bool has_prefix(const MDB_val *key, struct store_bytes prefix)
{
    return key->mv_size >= prefix.length &&
           (prefix.length == 0 || memcmp(key->mv_data, prefix.data, prefix.length) == 0);
}

/* step - the entry after the copied one.  The callback may have changed the table, so in a write
 * transaction it is found anew.
 */
static int step(const struct store_txn *t, MDB_cursor *cursor, const struct copies *c, MDB_val *key,
                MDB_val *value)
{
    struct store_bytes last = {c->bytes, c->key_length};
    int code;

    if (!t->writes)
        return mdb_cursor_get(cursor, key, value, MDB_NEXT);
    code = seek(cursor, last, key, value);
    if (code == 0 && compare(key, last) == 0)
        code = mdb_cursor_get(cursor, key, value, MDB_NEXT);
    return code;
}

int store_each(struct store_txn *t, unsigned table, struct store_bytes prefix,
               struct store_bytes from, store_each_fn *fn, void *arg)
{
    struct copies c = {.bytes = NULL};
    MDB_cursor *cursor;
    MDB_val key, value;
    struct store_bytes start = prefix;
    int said = 0, code = mdb_cursor_open(t->txn, table_of(t, table), &cursor);

    if (code != 0)
        return outcome(t, code);
    if (from.length > 0 && compare(&(MDB_val){from.length, (void *)from.data}, prefix) > 0)
        start = from;
    code = seek(cursor, start, &key, &value);
    while (code == 0 && has_prefix(&key, prefix)) {
        copy_entry(&c, &key, &value);
        said = fn(arg, STORE_BYTES(c.bytes, c.key_length),
                  STORE_BYTES(c.bytes + c.key_length, c.value_length));
        if (said != 0)
            break;
        code = step(t, cursor, &c, &key, &value);
    }
    mdb_cursor_close(cursor);
    free(c.bytes);
    if (said != 0)
        return said < 0 ? said : 0;
    return code == MDB_NOTFOUND ? 0 : outcome(t, code);
}

/* after_prefix - the first key that sorts after all that begin with PREFIX, into NEXT; its length,
 * 0 when there is none. */
static size_t after_prefix(struct store_bytes prefix, unsigned char next[STORE_KEY_MAX])
{
    size_t n = prefix.length;

    assert(n <= STORE_KEY_MAX);
    if (n > 0)
        memcpy(next, prefix.data, n);
    while (n > 0 && next[n - 1] == 0xff)
        n--;
    if (n > 0)
        next[n - 1]++;
    return n;
}

int store_last(struct store_txn *t, unsigned table, struct store_bytes prefix, void *key,
               size_t *ret_length)
{
    unsigned char next[STORE_KEY_MAX];
    size_t n = after_prefix(prefix, next);
    MDB_cursor *cursor;
    MDB_val k, v;
    int code = mdb_cursor_open(t->txn, table_of(t, table), &cursor);

    if (code != 0)
        return outcome(t, code);
    code = n > 0 ? seek(cursor, STORE_BYTES(next, n), &k, &v) : MDB_NOTFOUND;
    if (code == 0)
        code = mdb_cursor_get(cursor, &k, &v, MDB_PREV);
    else if (code == MDB_NOTFOUND)
        code = mdb_cursor_get(cursor, &k, &v, MDB_LAST);
    if (code == 0 && !has_prefix(&k, prefix))
        code = MDB_NOTFOUND;
    if (code == 0) {
        memcpy(key, k.mv_data, k.mv_size);
        *ret_length = k.mv_size;
    }
    mdb_cursor_close(cursor);
    return outcome(t, code);
}

void store_u64(uint64_t number, uint8_t ret_key[8])
{
    for (int i = 0; i < 8; i++)
        ret_key[i] = (uint8_t)(number >> (56 - 8 * i));
}

uint64_t store_number(const uint8_t key[8])
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++)
        number = number << 8 | key[i];
    return number;
}
