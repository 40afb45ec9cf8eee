/* A power cut at every single write that LMDB makes: what was synced is on the disk, what was not
 * may be there, be missing, or be there in part (by sectors), in any order.
 *
 * This program's pwrite, write, writev and fdatasync stand before the C library's, and record what
 * goes to the store's file.  From the record the file is rebuilt as each cut could leave it, and
 * opened.
 */
#include "common/store.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/prng.h"

#define WRITES_MAX   4000
#define FILE_MAX     (8u << 20)
#define SECTOR       512
#define ROUNDS       60
#define ROUND_VALUES 12

static struct write {
    off_t offset;
    size_t length;
    unsigned char *data;
    unsigned synced_by; /* the number of writes made when this one was known to be on disk */
} writes[WRITES_MAX];
static unsigned write_count;
static ino_t recorded; /* inode of the store's file; 0: nothing is recorded */

static void record(int fd, off_t offset, const struct iovec *parts, int count)
{
    struct write *w = &writes[write_count];

    if (write_count == WRITES_MAX)
        abort();
    *w = (struct write){.offset = offset, .synced_by = UINT32_MAX};
    for (int i = 0; i < count; i++) {
        w->data = realloc(w->data, w->length + parts[i].iov_len);
        memcpy(w->data + w->length, parts[i].iov_base, parts[i].iov_len);
        w->length += parts[i].iov_len;
    }
    write_count++;
    if (fcntl(fd, F_GETFL) & O_DSYNC)
        w->synced_by = write_count;
}

static bool is_recorded(int fd)
{
    struct stat st;

    return recorded != 0 && fstat(fd, &st) == 0 && st.st_ino == recorded;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
    if (is_recorded(fd))
        record(fd, offset, &(struct iovec){(void *)data, length}, 1);
    return syscall(SYS_pwrite64, fd, data, length, offset);
}

ssize_t write(int fd, const void *data, size_t length)
{
    if (is_recorded(fd))
        record(fd, lseek(fd, 0, SEEK_CUR), &(struct iovec){(void *)data, length}, 1);
    return syscall(SYS_write, fd, data, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (is_recorded(fd))
        record(fd, lseek(fd, 0, SEEK_CUR), parts, count);
    return syscall(SYS_writev, fd, parts, count);
}

int fdatasync(int fd)
{
    int r = (int)syscall(SYS_fdatasync, fd);

    if (is_recorded(fd)) {
        for (unsigned i = 0; i < write_count; i++) {
            if (writes[i].synced_by == UINT32_MAX)
                writes[i].synced_by = write_count;
        }
    }
    return r;
}

/* ---- what is written ---- */

static const char *const tables[] = {"things", NULL};
static char folder[] = "/tmp/test-power-XXXXXX";
static char path[64], file[96];

static struct store *open_store(void)
{
    const struct store_conf conf = {.path = path, .tables = tables, .format = 1};
    struct store *store = NULL;
    char error[STORE_ERROR_MAX];

    cr_assert_eq(store_open(&conf, &store, error), 0, "%s", error);
    return store;
}

/* Each round replaces some values and grows or shrinks others, so that pages are freed and used
 * again. */
static int put_round(struct store_txn *txn, void *arg)
{
    uint64_t round = *(const uint64_t *)arg;
    char value[9000];
    uint8_t key[8];
    int r = 0;

    memset(value, (int)round, sizeof value);
    for (uint64_t i = 0; i < ROUND_VALUES && r == 0; i++) {
        store_u64(round, (uint8_t *)value);
        store_u64(i, key);
        r = store_put(txn, 0, STORE_BYTES(key, 8),
                      STORE_BYTES(value, 8 + (round * 7 + i) * 331 % (sizeof value - 8)));
    }
    return r;
}

static int same_round(void *arg, struct store_bytes key, struct store_bytes value)
{
    uint64_t round = store_number(value.data), *seen = arg;
    const unsigned char *bytes = value.data;
    uint64_t i = store_number(key.data);

    cr_assert_eq(value.length, 8 + (round * 7 + i) * 331 % (9000 - 8));
    for (size_t b = 8; b < value.length; b++)
        cr_assert_eq(bytes[b], (unsigned char)round, "a value is whole");
    if (i == 0)
        seen[0] = round;
    cr_assert_eq(seen[0], round, "a transaction is whole or absent");
    seen[1]++;
    return 0;
}

static int read_all(struct store_txn *txn, void *arg)
{
    return store_each(txn, 0, STORE_NONE, STORE_NONE, same_round, arg);
}

/* ---- the disk after a cut ---- */

static unsigned char *before; /* the file when recording began */
static size_t before_length;

static size_t apply(unsigned char *image, size_t length, const struct write *w, size_t from,
                    size_t to)
{
    memcpy(image + w->offset + from, w->data + from, to - from);
    return (size_t)w->offset + to > length ? (size_t)w->offset + to : length;
}

/* image_after - the file as a cut after CUT writes may leave it; its length. */
static size_t image_after(unsigned cut, struct prng *random, unsigned char *image)
{
    size_t length = before_length;

    memset(image, 0, FILE_MAX);
    memcpy(image, before, before_length);
    for (unsigned i = 0; i < cut; i++) {
        const struct write *w = &writes[i];
        bool last_synced =
            i + 1 == cut && w->synced_by == cut; /* O_DSYNC, cut in the middle of it */
        uint64_t fate = w->synced_by <= cut && !last_synced ? 0 : prng_below(random, 3);
        if (fate == 0) {
            length = apply(image, length, w, 0, w->length);
        } else if (fate == 1) {
            for (size_t at = 0; at < w->length; at += SECTOR) {
                size_t end = at + SECTOR < w->length ? at + SECTOR : w->length;
                if (prng_below(random, 2) == 0)
                    length = apply(image, length, w, at, end);
            }
        }
    }
    return length;
}

static void put_image(const unsigned char *image, size_t length)
{
    int fd = open(file, O_WRONLY | O_TRUNC | O_CREAT, 0600);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, image, length), (ssize_t)length);
    close(fd);
}

static void take_before(void)
{
    FILE *f = fopen(file, "r");

    before = malloc(FILE_MAX);
    before_length = fread(before, 1, FILE_MAX, f);
    fclose(f);
}

Test(store_power_cut, at_any_write_keeps_every_transaction_promised)
{
    static unsigned
        promised_at[ROUNDS + 1]; /* how many writes had been made when the round was promised */
    unsigned char *image = malloc(FILE_MAX);
    struct store *store;
    struct prng random;
    struct stat st;
    unsigned promised = 0, kept_more = 0;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/store", folder);
    snprintf(file, sizeof file, "%s/data.mdb", path);
    store = open_store();
    take_before();
    cr_assert_eq(stat(file, &st), 0);
    recorded = st.st_ino;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        cr_assert_eq(store_update(store, put_round, &round), 0);
        promised_at[round] = write_count;
    }
    recorded = 0;
    store_close(&store);
    cr_assert_geq(write_count, 2 * ROUNDS, "the record has every write");

    prng_init(&random, 6);
    for (unsigned cut = 0; cut <= write_count; cut++) {
        while (promised < ROUNDS && promised_at[promised + 1] < cut)
            promised++;
        for (int variant = 0; variant < 3; variant++) {
            uint64_t seen[2] = {0, 0};
            put_image(image, image_after(cut, &random, image));
            store = open_store();
            cr_assert_eq(store_view(store, read_all, seen), 0, "%s", store_error(store));
            cr_assert(seen[1] == 0 || seen[1] == ROUND_VALUES);
            cr_assert_geq(seen[0], promised, "cut after write %u", cut);
            cr_assert_leq(seen[0], promised + 1);
            kept_more += seen[0] > promised;
            store_close(&store);
        }
    }
    cr_assert_eq(promised, ROUNDS - 1, "the last cut came after the last but one promise");
    cr_assert_gt(kept_more, 0, "some cuts came between the commit and its promise");

    snprintf((char *)image, 200, "rm -rf %s", folder);
    cr_assert_eq(system((char *)image), 0);
    for (unsigned i = 0; i < write_count; i++)
        free(writes[i].data);
    free(before);
    free(image);
}
