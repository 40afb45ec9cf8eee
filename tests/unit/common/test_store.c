#include "common/store.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/prng.h"

static const char *const tables[] = {"things", "others", NULL};
enum { THINGS, OTHERS };

static char folder[64];
static char path[96]; /* of the store */
static char error[STORE_ERROR_MAX];
static struct store *store;

static void setup(void)
{
    strcpy(folder, "/tmp/test-store-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/deep/store", folder);
}

static bool on_small_disk; /* FOLDER is a mount point */

static void teardown(void)
{
    char command[128];

    store_close(&store);
    if (on_small_disk)
        cr_assert_eq(umount2(folder, MNT_DETACH), 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    (void)!system(command);
}

TestSuite(store, .init = setup, .fini = teardown);

static int open_with(size_t map_initial, size_t map_max, uint32_t format)
{
    const struct store_conf conf = {.path = path,
                                    .tables = tables,
                                    .format = format,
                                    .map_initial = map_initial,
                                    .map_max = map_max};

    error[0] = '\0';
    return store_open(&conf, &store, error);
}

static void open_store(void)
{
    cr_assert_eq(open_with(0, 0, 1), 0, "%s", error);
}

static struct store_bytes text(const char *s)
{
    return STORE_BYTES(s, strlen(s));
}

/* ---- one table, one value ---- */

struct pair {
    const char *key;
    const char *value;
};

static int put_pair(struct store_txn *txn, void *arg)
{
    const struct pair *p = arg;

    return store_put(txn, THINGS, text(p->key), text(p->value));
}

static int del_key(struct store_txn *txn, void *arg)
{
    return store_del(txn, THINGS, text(arg));
}

static int put(const char *key, const char *value)
{
    struct pair p = {key, value};

    return store_update(store, put_pair, &p);
}

static char got[400];

static int get_key(struct store_txn *txn, void *arg)
{
    void *value = NULL;
    size_t length = 0;
    int r = store_get(txn, THINGS, text(arg), &value, &length);

    if (r == 0)
        snprintf(got, sizeof got, "%.*s", (int)length, (const char *)value);
    free(value);
    return r;
}

static const char *get(const char *key)
{
    int r = store_view(store, get_key, (void *)key);

    cr_assert(r == 0 || r == -ENOENT, "%s", store_error(store));
    return r == 0 ? got : NULL;
}

Test(store, keeps_what_was_put_over_a_restart)
{
    open_store();
    cr_assert_eq(put("a", "1"), 0);
    cr_assert_eq(put("a", "2"), 0);
    cr_assert_eq(put("b", ""), 0);
    cr_assert_eq(store_update(store, del_key, "nothing"), -ENOENT);
    store_close(&store);
    cr_assert_null(store);
    open_store();
    cr_assert_str_eq(get("a"), "2");
    cr_assert_str_eq(get("b"), "");
    cr_assert_null(get("c"));
    cr_assert_eq(store_update(store, del_key, "a"), 0);
    cr_assert_null(get("a"));
}

static int put_then_give_up(struct store_txn *txn, void *arg)
{
    int r = put_pair(txn, arg);

    return r == 0 ? -ECANCELED : r;
}

Test(store, a_transaction_that_gives_up_leaves_nothing)
{
    struct pair p = {"a", "1"};

    open_store();
    cr_assert_eq(store_update(store, put_then_give_up, &p), -ECANCELED);
    cr_assert_null(get("a"));
}

static int bad_keys(struct store_txn *txn, void *arg)
{
    char big[STORE_KEY_MAX + 1];
    uint32_t number = 0;

    (void)arg;
    memset(big, 'k', sizeof big);
    cr_assert_eq(store_put(txn, THINGS, STORE_BYTES("", 0), text("v")), -EINVAL);
    cr_assert_eq(store_put(txn, THINGS, STORE_BYTES(big, sizeof big), text("v")), -EINVAL);
    cr_assert_eq(store_put(txn, THINGS, STORE_BYTES(big, STORE_KEY_MAX), text("v")), 0);
    cr_assert_eq(store_put(txn, OTHERS, text("n"), STORE_BYTES("\1\0\0\0", 4)), 0);
    cr_assert_eq(store_get_into(txn, OTHERS, text("n"), &number, sizeof number), 0);
    cr_assert_eq(number, 1);
    cr_assert_eq(store_get_into(txn, OTHERS, text("n"), &number, 3), -EBADMSG);
    cr_assert_eq(store_get_into(txn, OTHERS, text("m"), &number, 4), -ENOENT);
    return 0;
}

Test(store, wrong_keys_are_refused_and_the_transaction_goes_on)
{
    open_store();
    cr_assert_eq(store_update(store, bad_keys, NULL), 0, "%s", store_error(store));
}

/* ---- walking ---- */

static int put_many(struct store_txn *txn, void *arg)
{
    static const char *const keys[] = {"a", "b1", "b2", "b3", "c", "\xff\xff", "\xff\xff\x01"};

    (void)arg;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int r = store_put(txn, THINGS, text(keys[i]), text(keys[i]));
        if (r < 0)
            return r;
    }
    return 0;
}

static int note(void *arg, struct store_bytes key, struct store_bytes value)
{
    char *seen = arg;

    cr_assert_eq(key.length, value.length);
    cr_assert_eq(memcmp(key.data, value.data, key.length), 0);
    sprintf(seen + strlen(seen), "%.*s ", (int)key.length, (const char *)key.data);
    return 0;
}

static int stop_at_second(void *arg, struct store_bytes key, struct store_bytes value)
{
    note(arg, key, value);
    return strlen(arg) > 3;
}

static int walk(struct store_txn *txn, void *arg)
{
    char seen[200] = "", last[STORE_KEY_MAX];
    size_t length = 0;

    (void)arg;
    cr_assert_eq(store_each(txn, THINGS, text("b"), STORE_NONE, note, seen), 0);
    cr_assert_str_eq(seen, "b1 b2 b3 ");
    seen[0] = '\0';
    cr_assert_eq(store_each(txn, THINGS, text("b"), text("b2"), note, seen), 0);
    cr_assert_str_eq(seen, "b2 b3 ");
    seen[0] = '\0';
    cr_assert_eq(store_each(txn, THINGS, STORE_NONE, text("b3"), note, seen), 0);
    cr_assert_str_eq(seen, "b3 c \xff\xff \xff\xff\x01 ");
    seen[0] = '\0';
    cr_assert_eq(store_each(txn, THINGS, STORE_NONE, STORE_NONE, stop_at_second, seen), 0);
    cr_assert_str_eq(seen, "a b1 ");
    seen[0] = '\0';
    cr_assert_eq(store_each(txn, THINGS, text("x"), STORE_NONE, note, seen), 0);
    cr_assert_str_eq(seen, "");
    cr_assert_eq(store_last(txn, THINGS, text("b"), last, &length), 0);
    cr_assert_eq(length, 2);
    cr_assert_eq(memcmp(last, "b3", 2), 0);
    cr_assert_eq(store_last(txn, THINGS, text("\xff\xff"), last, &length), 0);
    cr_assert_eq(length, 3);
    cr_assert_eq(store_last(txn, THINGS, STORE_NONE, last, &length), 0);
    cr_assert_eq(length, 3);
    cr_assert_eq(store_last(txn, THINGS, text("bb"), last, &length), -ENOENT);
    cr_assert_eq(store_last(txn, OTHERS, STORE_NONE, last, &length), -ENOENT);
    return 0;
}

Test(store, walks_by_prefix_from_a_key_and_to_the_last)
{
    open_store();
    cr_assert_eq(store_update(store, put_many, NULL), 0);
    cr_assert_eq(store_view(store, walk, NULL), 0);
    cr_assert_eq(store_update(store, walk, NULL), 0, "and in a write transaction");
}

struct thinning {
    struct store_txn *txn;
    unsigned seen;
};

static int delete_every_second(void *arg, struct store_bytes key, struct store_bytes value)
{
    struct thinning *t = arg;

    (void)value;
    return t->seen++ % 2 == 0 ? store_del(t->txn, OTHERS, key) : 0;
}

static int thin_out(struct store_txn *txn, void *arg)
{
    struct thinning *t = arg;
    uint8_t key[8];

    t->txn = txn;
    for (uint64_t i = 0; i < 1000; i++) {
        store_u64(i, key);
        cr_assert_eq(store_put(txn, OTHERS, STORE_BYTES(key, 8), text("v")), 0);
    }
    return store_each(txn, OTHERS, STORE_NONE, STORE_NONE, delete_every_second, t);
}

static int count(void *arg, struct store_bytes key, struct store_bytes value)
{
    (void)value;
    cr_assert_eq(store_number(key.data) % 2, 1);
    ++*(unsigned *)arg;
    return 0;
}

static int cut_and_count(struct store_txn *txn, void *arg)
{
    uint8_t from[8], before[8];
    unsigned *left = arg;

    store_u64(101, from);
    store_u64(901, before);
    cr_assert_eq(store_each(txn, OTHERS, STORE_NONE, STORE_NONE, count, &left[0]), 0);
    cr_assert_eq(store_del_range(txn, OTHERS, STORE_BYTES(from, 8), STORE_BYTES(before, 8)), 0);
    cr_assert_eq(store_each(txn, OTHERS, STORE_NONE, STORE_NONE, count, &left[1]), 0);
    cr_assert_eq(store_del_range(txn, OTHERS, STORE_NONE, STORE_NONE), 0);
    return store_each(txn, OTHERS, STORE_NONE, STORE_NONE, count, &left[2]);
}

Test(store, table_may_be_changed_while_walking_and_cut_by_range)
{
    struct thinning t = {0};
    unsigned left[3] = {0};

    open_store();
    cr_assert_eq(store_update(store, thin_out, &t), 0);
    cr_assert_eq(t.seen, 1000, "every entry was seen once");
    cr_assert_eq(store_update(store, cut_and_count, left), 0);
    cr_assert_eq(left[0], 500);
    cr_assert_eq(left[1], 100, "101 stays out, 901 stays in");
    cr_assert_eq(left[2], 0);
}

/* ---- growth and fullness ---- */

struct bulk {
    unsigned first;
    unsigned count;
    unsigned runs;
};

#define BULK_VALUE 2000

static int put_bulk(struct store_txn *txn, void *arg)
{
    struct bulk *bulk = arg;
    char value[BULK_VALUE];
    uint8_t key[8];

    bulk->runs++;
    memset(value, 'v', sizeof value);
    for (unsigned i = 0; i < bulk->count; i++) {
        int r;
        store_u64(bulk->first + i, key);
        r = store_put(txn, THINGS, STORE_BYTES(key, 8), STORE_BYTES(value, sizeof value));
        if (r < 0)
            return r;
    }
    return 0;
}

static int put_numbers(unsigned first, unsigned many)
{
    struct bulk bulk = {first, many, 0};

    return store_update(store, put_bulk, &bulk);
}

static int count_all(void *arg, struct store_bytes key, struct store_bytes value)
{
    (void)key;
    cr_assert_eq(value.length, BULK_VALUE);
    ++*(unsigned *)arg;
    return 0;
}

static int count_things(struct store_txn *txn, void *arg)
{
    return store_each(txn, THINGS, STORE_NONE, STORE_NONE, count_all, arg);
}

static unsigned stored(void)
{
    unsigned n = 0;

    cr_assert_eq(store_view(store, count_things, &n), 0, "%s", store_error(store));
    return n;
}

Test(store, map_grows_by_itself_in_the_middle_of_a_transaction)
{
    struct bulk bulk = {0, 2000, 0};
    struct store_usage usage;

    cr_assert_eq(open_with(256 << 10, 64 << 20, 1), 0, "%s", error);
    cr_assert_eq(store_update(store, put_bulk, &bulk), 0, "%s", store_error(store));
    cr_assert_gt(bulk.runs, 3, "it was run again");
    cr_assert_eq(stored(), 2000);
    store_usage(store, &usage);
    cr_assert_gt(usage.bytes_used, 4 << 20);
    cr_assert_geq(usage.map_bytes, usage.bytes_used);
    cr_assert_eq(usage.map_max, 64 << 20);
    store_close(&store);
    cr_assert_eq(open_with(256 << 10, 64 << 20, 1), 0, "a small initial map does no harm: %s",
                 error);
    cr_assert_eq(stored(), 2000);
    cr_assert_eq(put("a", "1"), 0);
}

static int del_things(struct store_txn *txn, void *arg)
{
    (void)arg;
    return store_del_range(txn, THINGS, STORE_NONE, STORE_NONE);
}

Test(store, map_at_its_maximum_refuses_writes_until_there_is_room)
{
    unsigned n;

    cr_assert_eq(open_with(256 << 10, 1 << 20, 1), 0, "%s", error);
    cr_assert_eq(put_numbers(0, 100), 0);
    cr_assert_eq(put_numbers(100, 1000), -ENOSPC);
    cr_assert(store_full(store));
    snprintf(got, sizeof got,
             "store %s: full at its maximum of 1 MiB; writes are refused, reads go on; delete what "
             "is old or raise the maximum",
             path);
    cr_assert_str_eq(store_error(store), got);
    cr_assert_eq(n = stored(), 100, "%u: the refused transaction left nothing", n);
    cr_assert_eq(store_update(store, del_things, NULL), 0, "%s", store_error(store));
    cr_assert_not(store_full(store));
    cr_assert_eq(put_numbers(0, 100), 0);
}

/* fill_disk - a file that takes what is left in FOLDER. */
static void fill_disk(void)
{
    char file[128], block[4096];
    int fd;

    memset(block, 'x', sizeof block);
    snprintf(file, sizeof file, "%s/filler", folder);
    fd = open(file, O_WRONLY | O_CREAT, 0600);
    cr_assert_geq(fd, 0);
    while (write(fd, block, sizeof block) == (ssize_t)sizeof block)
        ;
    cr_assert_eq(errno, ENOSPC);
    close(fd);
}

/* small_disk - put a file system of 1 MiB under FOLDER, for this process alone; false without the
 * right to. */
static bool small_disk(void)
{
    if (unshare(CLONE_NEWNS) < 0)
        return false;
    /* In a chroot "/" is no mount point, and cannot be made private: teardown unmounts. */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        cr_assert_eq(errno, EINVAL);
    cr_assert_eq(mount("tmpfs", folder, "tmpfs", 0, "size=1m"), 0);
    on_small_disk = true;
    return true;
}

Test(store, full_disk_refuses_writes_reads_go_on_and_it_recovers_by_itself)
{
    char file[128];
    unsigned before;

    if (!small_disk())
        cr_skip_test("needs the right to mount");
    cr_assert_eq(open_with(0, 0, 1), 0, "%s", error);
    cr_assert_eq(put_numbers(0, 100), 0);
    fill_disk();
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(put_numbers(100, 300), -ENOSPC, "attempt %d: %s", i, store_error(store));
        cr_assert(store_full(store));
        snprintf(got, sizeof got,
                 "store %s: disk full; writes are refused, reads go on; make room on its file "
                 "system and it works again",
                 path);
        cr_assert_str_eq(store_error(store), got);
        cr_assert_eq(before = stored(), 100, "%u", before);
    }
    store_close(&store);
    cr_assert_eq(open_with(0, 0, 1), 0, "opens on a full disk: %s", error);
    cr_assert_eq(stored(), 100);
    cr_assert_eq(put_numbers(100, 300), -ENOSPC);
    snprintf(file, sizeof file, "%s/filler", folder);
    cr_assert_eq(unlink(file), 0);
    cr_assert_eq(put_numbers(100, 50), 0, "%s", store_error(store));
    cr_assert_not(store_full(store));
    cr_assert_str_eq(store_error(store), "");
    cr_assert_eq(stored(), 150);
}

Test(store, disk_full_at_the_first_opening_says_so)
{
    if (!small_disk())
        cr_skip_test("needs the right to mount");
    fill_disk();
    cr_assert_eq(open_with(0, 0, 1), -ENOSPC);
    cr_assert_not_null(strstr(error, "disk full; writes are refused"), "%s", error);
}

/* The same without any right: the kernel refuses to let a file grow (EFBIG). */
Test(store, file_size_limit_is_like_a_full_disk)
{
    struct rlimit limit;

    cr_assert_eq(open_with(0, 0, 1), 0, "%s", error);
    cr_assert_eq(put_numbers(0, 50), 0);
    getrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);
    limit.rlim_cur = 400 << 10;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(put_numbers(50, 500), -ENOSPC, "%s", store_error(store));
    cr_assert(store_full(store));
    cr_assert_eq(stored(), 50);
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(put_numbers(50, 500), 0, "%s", store_error(store));
    cr_assert_eq(stored(), 550);
}

/* ---- what can be wrong with the file ---- */

static void data_file(char file[128])
{
    snprintf(file, 128, "%s/data.mdb", path);
}

Test(store, second_process_is_refused)
{
    struct store *first;

    open_store();
    first = store;
    store = NULL;
    cr_assert_eq(open_with(0, 0, 1), -EBUSY);
    snprintf(got, sizeof got, "store %s: another process has it open; stop that one first", path);
    cr_assert_eq(strncmp(error, got, strlen(got)), 0, "%s", error);
    store_close(&first);
    open_store();
}

Test(store, other_format_is_refused)
{
    open_store();
    store_close(&store);
    cr_assert_eq(open_with(0, 0, 2), -EPROTO);
    cr_assert_not_null(strstr(error, "has format 1, this program reads format 2"), "%s", error);
}

Test(store, file_cut_off_is_refused_in_words_not_by_a_signal)
{
    char file[128];
    struct stat st;

    open_store();
    cr_assert_eq(put_numbers(0, 500), 0);
    store_close(&store);
    data_file(file);
    cr_assert_eq(stat(file, &st), 0);
    for (off_t size = st.st_size - 4096; size > 8192; size -= st.st_size / 7) {
        cr_assert_eq(truncate(file, size), 0);
        cr_assert_eq(open_with(0, 0, 1), -EBADMSG, "cut to %ld of %ld bytes", (long)size,
                     (long)st.st_size);
        cr_assert_not_null(strstr(error, "damaged ("), "%s", error);
        cr_assert_not_null(strstr(error, "move the folder away"), "%s", error);
    }
}

static int del_low_numbers(struct store_txn *txn, void *arg)
{
    uint8_t before[8];

    (void)arg;
    store_u64(200, before);
    return store_del_range(txn, THINGS, STORE_NONE, STORE_BYTES(before, 8));
}

/* Only values are missing: roots and the list of free pages were written anew near the file's
 * beginning. */
Test(store, file_without_its_last_values_is_refused)
{
    char file[128];
    struct stat st;

    open_store();
    cr_assert_eq(put_numbers(0, 500), 0);
    cr_assert_eq(store_update(store, del_low_numbers, NULL), 0);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(put("a", "1"), 0);
    store_close(&store);
    data_file(file);
    cr_assert_eq(stat(file, &st), 0);
    cr_assert_eq(truncate(file, st.st_size / 4 * 3), 0);
    cr_assert_eq(open_with(0, 0, 1), -EBADMSG);
    cr_assert_not_null(strstr(error, "damaged ("), "%s", error);
}

Test(store, emptied_file_is_refused_not_taken_for_a_new_one)
{
    char file[128];

    open_store();
    store_close(&store);
    data_file(file);
    cr_assert_eq(truncate(file, 4096), 0);
    cr_assert_eq(open_with(0, 0, 1), -EBADMSG);
    cr_assert_eq(truncate(file, 0), 0);
    cr_assert_eq(open_with(0, 0, 1), -EBADMSG);
    cr_assert_not_null(strstr(error, "damaged ("), "%s", error);
}

Test(store, killed_while_the_file_is_made_it_is_made_anew)
{
    struct prng random;
    unsigned unfinished = 0;

    prng_init(&random, 3);
    for (int i = 0; i < 60; i++) {
        char command[256], file[128];
        pid_t child = fork();
        if (child == 0) {
            (void)!open_with(0, 0, 1);
            _exit(0);
        }
        usleep((useconds_t)prng_below(&random, 2500));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        data_file(file);
        unfinished += access(file, F_OK) < 0;
        cr_assert_eq(open_with(0, 0, 1), 0, "%s", error);
        cr_assert_eq(put("a", "1"), 0, "%s", store_error(store));
        store_close(&store);
        snprintf(command, sizeof command, "rm -rf %s/deep", folder);
        cr_assert_eq(system(command), 0);
    }
    cr_assert_gt(unfinished, 0, "else this test proves nothing");
}

Test(store, something_else_than_a_store_is_refused)
{
    char file[128];
    FILE *f;

    open_store();
    store_close(&store);
    data_file(file);
    f = fopen(file, "w");
    for (int i = 0; i < 20000; i++)
        fputc('x', f);
    fclose(f);
    cr_assert_eq(open_with(0, 0, 1), -EBADMSG);
}

static int put_and_delete_big(struct store_txn *txn, void *arg)
{
    static char big[200000];

    (void)arg;
    cr_assert_eq(store_put(txn, OTHERS, text("big"), STORE_BYTES(big, sizeof big)), 0);
    cr_assert_eq(store_put(txn, OTHERS, text("small"), text("1")), 0);
    return store_del(txn, OTHERS, text("big"));
}

/* LMDB never writes pages that one transaction takes and frees: the file is short, and sound. */
Test(store, short_but_sound_file_opens)
{
    struct store_usage usage;
    struct stat st;
    char file[128];

    open_store();
    /* So that some pages are free for the list of free pages itself. */
    cr_assert_eq(put_numbers(0, 40), 0);
    cr_assert_eq(store_update(store, del_things, NULL), 0);
    cr_assert_eq(put("a", "1"), 0);
    cr_assert_eq(put("a", "2"), 0);
    cr_assert_eq(store_update(store, put_and_delete_big, NULL), 0);
    store_usage(store, &usage);
    data_file(file);
    cr_assert_eq(stat(file, &st), 0);
    cr_assert_lt((uint64_t)st.st_size, usage.bytes_used, "else this test proves nothing");
    store_close(&store);
    open_store();
    cr_assert_str_eq(get("a"), "2");
    cr_assert_eq(put_numbers(0, 300), 0);
    cr_assert_str_eq(get("a"), "2");
}

Test(store, folder_that_cannot_be_made_says_so)
{
    snprintf(path, sizeof path, "/proc/nothing/store");
    cr_assert_eq(open_with(0, 0, 1), -ENOENT);
    cr_assert_not_null(strstr(error, "making its folder"), "%s", error);
}

static int opens_another(struct store_txn *txn, void *arg)
{
    (void)txn;
    (void)arg;
    return put("a", "1");
}

Test(store, transaction_inside_a_transaction_is_a_bug, .signal = SIGABRT)
{
    open_store();
    store_view(store, opens_another, NULL);
}

/* ---- kill -9 ---- */

static int put_round(struct store_txn *txn, void *arg)
{
    const uint64_t *round = arg;
    uint8_t key[8], value[8];
    int r = 0;

    store_u64(*round, value);
    for (uint64_t i = 0; i < 20 && r == 0; i++) {
        store_u64(i, key);
        r = store_put(txn, THINGS, STORE_BYTES(key, 8), STORE_BYTES(value, 8));
    }
    return r == 0 ? store_put(txn, OTHERS, text("round"), STORE_BYTES(value, 8)) : r;
}

/* write_until_killed - in a child: one transaction after another, each told to FD once it is
 * promised. */
static void write_until_killed(int fd, uint64_t round)
{
    if (open_with(0, 0, 1) != 0)
        _exit(1);
    for (;; round++) {
        if (store_update(store, put_round, &round) != 0)
            _exit(2);
        if (write(fd, &round, sizeof round) != (ssize_t)sizeof round)
            _exit(3);
    }
}

static int read_round(struct store_txn *txn, void *arg)
{
    uint64_t *ret_round = arg;
    uint8_t value[8], key[8];
    int r = store_get_into(txn, OTHERS, text("round"), value, 8);

    if (r == -ENOENT)
        return 0;
    cr_assert_eq(r, 0);
    *ret_round = store_number(value);
    for (uint64_t i = 0; i < 20; i++) {
        store_u64(i, key);
        cr_assert_eq(store_get_into(txn, THINGS, STORE_BYTES(key, 8), value, 8), 0);
        cr_assert_eq(store_number(value), *ret_round, "a transaction is whole or absent");
    }
    return 0;
}

Test(store, kill_9_at_any_moment_loses_nothing_promised)
{
    struct prng random;
    uint64_t promised = 0, found = 0;

    prng_init(&random, 9);
    for (int i = 0; i < 30; i++) {
        uint64_t told;
        int fds[2], status;
        pid_t child;

        cr_assert_eq(pipe(fds), 0);
        child = fork();
        if (child == 0)
            write_until_killed(fds[1], promised + 1);
        close(fds[1]);
        cr_assert_eq(read(fds[0], &told, sizeof told), (ssize_t)sizeof told);
        promised = told;
        usleep((useconds_t)prng_below(&random, 5000));
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        cr_assert(WIFSIGNALED(status), "the writer failed: %d", WEXITSTATUS(status));
        while (read(fds[0], &told, sizeof told) == (ssize_t)sizeof told)
            promised = told;
        close(fds[0]);

        cr_assert_eq(open_with(0, 0, 1), 0, "%s", error);
        cr_assert_eq(store_view(store, read_round, &found), 0, "%s", store_error(store));
        cr_assert_geq(found, promised);
        cr_assert_leq(found, promised + 1, "nothing that was not written");
        promised = found;
        store_close(&store);
    }
    cr_assert_gt(promised, 30);
}
