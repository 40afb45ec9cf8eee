/* objects - the copy of the configuration on this host's disk: the objects, the log of
 * transactions, the history of epochs, and the conflict records.
 *
 *   table      key                value
 *   meta       "state"            position, checksum, counts        "history"   (epoch, last txid)
 * ... objects    "dn/8000"          packed ConfObject log        txid               packed
 * LogEntry, the last log_max of them conflicts  epoch, txid        packed LogEntry that was written
 * here but is not in the history
 *
 * Everything of one transaction is on disk together, or not at all; when a function returns 0 it
 * is on disk.  The epoch never goes back, txid grows by one (C-6).  The checksum is the sum of the
 * SHA-256 of all objects, so it follows each change without reading the others and does not depend
 * on an order.
 *
 * Owns:   what is handed to a callback is gone when it returns.
 * Errors: negative errno, and objects_error in words: -ENOSPC disk or map full (reads go on, C-10);
 *         -ESTALE the transaction does not follow the last one; -EBADMSG its checksum is not what
 * was promised (nothing is changed); -EPERM the right to write has run out (nothing is changed).
 */
#ifndef CONFPROXY_ADAPT_OBJECTS_H
#define CONFPROXY_ADAPT_OBJECTS_H

#include "common/disk.h"
#include "confproxy/core/copy.h"
#include "proto/config.pb-c.h"
#include "proto/log.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OBJECTS_CHECKSUM_SIZE 65

struct objects;

struct objects_state {
    struct copy_position held;
    bool loaded;        /* a configuration has been imported at some time */
    uint64_t count;     /* objects */
    uint64_t log_first; /* oldest txid in the log, 0: none */
    uint64_t conflicts; /* records kept */
    char checksum[OBJECTS_CHECKSUM_SIZE];
};

/* objects_open - open or make the copy in FOLDER.  ERROR (STORE_ERROR_MAX bytes) gets the reason.
 */
int objects_open(const char *folder, size_t map_max, struct objects **ret_objects, char *error);
void objects_close(struct objects **objects);

const struct objects_state *objects_state(const struct objects *objects);
const struct copy_history *objects_history(const struct objects *objects);
const char *objects_error(const struct objects *objects);

/* objects_disk - how the writes go; RET_WHY (DISK_WHY_SIZE bytes) says why when it is above good.
 */
enum disk_grade objects_disk(const struct objects *objects, char *ret_why);

/* Asked inside the transaction, before and after its work: may this host still write? */
typedef bool objects_may_fn(void *arg);

struct objects_entry {
    struct copy_position position;
    Sf__ConfChange *const *changes;
    size_t count;
    const char
        *checksum; /* what the copy's must be afterwards; NULL: as it comes out (the writer) */
    objects_may_fn *may; /* NULL: a follower */
    void *may_arg;
    uint32_t log_max;
};

/* objects_apply - one transaction. */
int objects_apply(struct objects *objects, const struct objects_entry *entry);

struct objects_snapshot {
    struct copy_position position;
    Sf__ConfObject *const *objects;
    size_t count;
    const char *checksum;
    bool loaded;
    uint64_t common_txid; /* our transactions beyond it become conflict records */
    const struct copy_history *history;
};

/* objects_replace - take another host's copy in place of ours, in one transaction. */
int objects_replace(struct objects *objects, const struct objects_snapshot *snapshot);

/* For the walks: 0 goes on, another value ends the walk and is returned. */
typedef int objects_object_fn(void *arg, const Sf__ConfObject *object);
typedef int objects_entry_fn(void *arg, const Sf__LogEntry *entry);

/* objects_each - the objects of TYPE ("" all) with ID ("" all of the type), by type and id. */
int objects_each(struct objects *objects, const char *type, const char *id, objects_object_fn *fn,
                 void *arg);

/* objects_log_each - the transactions from FROM_TXID on. */
int objects_log_each(struct objects *objects, uint64_t from_txid, objects_entry_fn *fn, void *arg);

/* objects_conflict_each - the conflict records, by epoch and txid. */
int objects_conflict_each(struct objects *objects, objects_entry_fn *fn, void *arg);

/* objects_checksum_at - what the checksum was after TXID.  Returns: 0; -ENOENT not in the log. */
int objects_checksum_at(struct objects *objects, uint64_t txid,
                        char ret_checksum[OBJECTS_CHECKSUM_SIZE]);

#endif
