/* store - tables of byte keys and values in an LMDB file, with transactions.
 *
 * One process opens a store at a time (guarded by a lock file that dies with the process), from one
 * thread. A commit is on disk when store_update returns 0.  The file opens after kill -9 and power
 * cut at any moment, with all that was committed and nothing else.
 *
 * A full disk is a value: store_update returns -ENOSPC, reads go on, and the next store_update that
 * finds room works again.  The map grows by itself up to map_max.  Because a transaction is then
 * run again from its start, it is a function: it must have no other effect than on the store.
 *
 * Owns:   every key and value handed out is a copy; no LMDB memory leaves store.c.
 * Errors: negative errno, and store_error() in words with what to do:
 *         -ENOSPC   disk full, or the map at its maximum
 *         -EIO      the disk failed; the transaction may or may not have been kept (it is whole or
 * absent) -EBUSY    another process has the store open -EBADMSG  the file is damaged or not a store
 *         -EPROTO   the file has another format version
 *         -EROFS, -EACCES ... as the system says
 */
#ifndef COMMON_STORE_H
#define COMMON_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_KEY_MAX    511 /* LMDB's limit */
#define STORE_TABLES_MAX 16
#define STORE_ERROR_MAX  400

struct store;
struct store_txn;

/* Bytes that belong to someone else. */
struct store_bytes {
    const void *data;
    size_t length;
};

#define STORE_BYTES(data, length) ((struct store_bytes){(data), (length)})
#define STORE_NONE                ((struct store_bytes){NULL, 0})

struct store_conf {
    const char *path;          /* a folder, made (with its parents) when missing; mode 0700 */
    const char *const *tables; /* names, ended by NULL; a table is meant by its place */
    uint32_t format;           /* of what is stored: another one in the file is refused */
    size_t map_initial;        /* bytes; 0: 16 MiB */
    size_t map_max;            /* bytes; 0: 4 GiB */
    bool lazy; /* a power cut may cost the last transactions, never the order (statistics) */
};

/* store_open - open or make the store.  ERROR (STORE_ERROR_MAX bytes) gets the reason in words on
 * failure. */
int store_open(const struct store_conf *conf, struct store **ret_store, char *error);
void store_close(struct store **store);

/* A transaction's work: 0 commits, a negative errno undoes it and is returned. */
typedef int store_txn_fn(struct store_txn *txn, void *arg);

/* store_update - run FN in a write transaction, again from its start when the map had to grow.
 * store_view - run FN in a read transaction.
 * Asserts: no other transaction of this store is running.
 */
int store_update(struct store *store, store_txn_fn *fn, void *arg);
int store_view(struct store *store, store_txn_fn *fn, void *arg);

/* store_sync - put a lazy store's transactions on disk. */
int store_sync(struct store *store);

/* store_get - a copy of the value in *RET_VALUE, which the caller frees, and its length.
 * Returns: 0; -ENOENT; -ENOMEM.
 */
int store_get(struct store_txn *txn, unsigned table, struct store_bytes key, void **ret_value,
              size_t *ret_length);

/* store_get_into - a value of exactly LENGTH bytes into BUFFER.  Returns: 0; -ENOENT; -EBADMSG
 * other length. */
int store_get_into(struct store_txn *txn, unsigned table, struct store_bytes key, void *buffer,
                   size_t length);

/* store_put - enter or replace.  Returns: 0; -EINVAL empty or too long key; -ENOSPC (return it from
 * FN). */
int store_put(struct store_txn *txn, unsigned table, struct store_bytes key,
              struct store_bytes value);

/* store_del - returns 0; -ENOENT. */
int store_del(struct store_txn *txn, unsigned table, struct store_bytes key);

/* store_del_range - delete all keys from FROM (STORE_NONE: the first) up to but not including
 * BEFORE (STORE_NONE: all). */
int store_del_range(struct store_txn *txn, unsigned table, struct store_bytes from,
                    struct store_bytes before);

/* For store_each: 0 goes on, 1 stops, a negative errno stops and is returned.  FN may change the
 * table. */
typedef int store_each_fn(void *arg, struct store_bytes key, struct store_bytes value);

/* store_each - every entry whose key begins with PREFIX (STORE_NONE: every one), from key FROM on
 * (STORE_NONE: the first), in the order of memcmp.  Key and value are copies, gone when FN returns.
 */
int store_each(struct store_txn *txn, unsigned table, struct store_bytes prefix,
               struct store_bytes from, store_each_fn *fn, void *arg);

/* store_last - the last key that begins with PREFIX, into KEY of STORE_KEY_MAX bytes.  Returns: 0;
 * -ENOENT. */
int store_last(struct store_txn *txn, unsigned table, struct store_bytes prefix, void *key,
               size_t *ret_length);

/* store_u64 - a number as a key that sorts like the number (big-endian); store_number reads it
 * back. */
void store_u64(uint64_t number, uint8_t ret_key[8]);
uint64_t store_number(const uint8_t key[8]);

/* store_error - why the last call failed, in words with what to do; "" after success. */
const char *store_error(const struct store *store);

/* store_full - true from a write refused with -ENOSPC until one works. */
bool store_full(const struct store *store);

struct store_usage {
    uint64_t bytes_used; /* pages in use */
    uint64_t map_bytes;
    uint64_t map_max;
};

void store_usage(const struct store *store, struct store_usage *ret_usage);

#endif
