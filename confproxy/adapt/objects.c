#include "confproxy/adapt/objects.h"
#include "common/loop.h"
#include "common/store.h"
#include "confproxy/adapt/message.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT 1

enum { META, OBJECTS, LOG, CONFLICTS };
static const char *const tables[] = {"meta", "objects", "log", "conflicts", NULL};

#define SUM_LANES 4 /* the checksum: SHA-256s added up in four lanes of 64 bits */

/* As it stands in the table meta. */
struct meta {
    uint64_t epoch;
    uint64_t txid;
    uint64_t loaded;
    uint64_t count;
    uint64_t log_first;
    uint64_t conflicts;
    uint64_t sum[SUM_LANES];
};

struct objects {
    struct store *store;
    struct meta meta;
    struct copy_history history;
    struct objects_state state; /* the same for the reader */
    char error[STORE_ERROR_MAX];
    struct disk disk;
};

static const struct store_bytes state_key = {"state", 5};
static const struct store_bytes history_key = {"history", 7};

/* --- The checksum. --- */

static void sum_object(struct meta *m, struct store_bytes key, struct store_bytes value, bool add)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint64_t lanes[SUM_LANES];
    unsigned char hash[EVP_MAX_MD_SIZE];

    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(context, key.data, key.length) != 1 ||
        EVP_DigestUpdate(context, "", 1) != 1 ||
        EVP_DigestUpdate(context, value.data, value.length) != 1 ||
        EVP_DigestFinal_ex(context, hash, NULL) != 1)
        abort(); /* without memory or SHA-256 nothing here can be trusted */
    EVP_MD_CTX_free(context);
    memcpy(lanes, hash, sizeof lanes);
    for (int i = 0; i < SUM_LANES; i++) {
        uint64_t lane = le64toh(lanes[i]);
        m->sum[i] = add ? m->sum[i] + lane : m->sum[i] - lane;
    }
}

static void sum_text(const struct meta *m, char text[OBJECTS_CHECKSUM_SIZE])
{
    for (int i = 0; i < SUM_LANES; i++)
        (void)snprintf(text + 16 * i, 17, "%016llx", (unsigned long long)m->sum[i]);
}

/* --- Opening. --- */

static void show(struct objects *o)
{
    o->state = (struct objects_state){.held = {o->meta.epoch, o->meta.txid},
                                      .loaded = o->meta.loaded != 0,
                                      .count = o->meta.count,
                                      .log_first = o->meta.log_first,
                                      .conflicts = o->meta.conflicts};
    sum_text(&o->meta, o->state.checksum);
}

static int load(struct store_txn *txn, void *arg)
{
    struct objects *o = arg;
    void *history = NULL;
    size_t length = 0;
    int r = store_get_into(txn, META, state_key, &o->meta, sizeof o->meta);

    if (r == -ENOENT)
        return 0; /* a new store */
    if (r != 0)
        return r;
    r = store_get(txn, META, history_key, &history, &length);
    if (r != 0)
        return r;
    if (length > sizeof o->history.epochs || length % sizeof o->history.epochs[0] != 0) {
        free(history);
        return -EBADMSG;
    }
    memcpy(o->history.epochs, history, length);
    o->history.count = (uint32_t)(length / sizeof o->history.epochs[0]);
    free(history);
    return 0;
}

int objects_open(const char *folder, size_t map_max, struct objects **ret_objects, char *error)
{
    const struct store_conf conf = {
        .path = folder, .tables = tables, .format = FORMAT, .map_max = map_max};
    struct objects *o = calloc(1, sizeof *o);

    if (o == NULL)
        return -ENOMEM;
    int r = store_open(&conf, &o->store, error);
    if (r == 0) {
        r = store_view(o->store, load, o);
        if (r != 0)
            (void)snprintf(error, STORE_ERROR_MAX,
                           "%s: the state of the copy cannot be read (%s); move the folder away, "
                           "the copy is fetched again from another host",
                           folder, strerror(-r));
    }
    if (r != 0) {
        objects_close(&o);
        return r;
    }
    show(o);
    *ret_objects = o;
    return 0;
}

void objects_close(struct objects **objects)
{
    if (*objects == NULL)
        return;
    store_close(&(*objects)->store);
    free(*objects);
    *objects = NULL;
}

const struct objects_state *objects_state(const struct objects *objects)
{
    return &objects->state;
}

const struct copy_history *objects_history(const struct objects *objects)
{
    return &objects->history;
}

enum disk_grade objects_disk(const struct objects *objects, char *ret_why)
{
    return disk_look(&objects->disk, loop_now_exact(), ret_why);
}

const char *objects_error(const struct objects *objects)
{
    return objects->error;
}

/* --- Changing. --- */

/* What a transaction works on: a draft of the state, which becomes ours when it is on disk. */
struct draft {
    const struct objects *before;
    struct meta meta;
    struct copy_history history;
    const struct objects_entry *entry;
    const struct objects_snapshot *snapshot;
};

static int put_meta(struct store_txn *txn, const struct draft *d)
{
    int r = store_put(txn, META, state_key, STORE_BYTES(&d->meta, sizeof d->meta));

    return r != 0 ? r
                  : store_put(txn, META, history_key,
                              STORE_BYTES(d->history.epochs,
                                          d->history.count * sizeof d->history.epochs[0]));
}

static int put_object(struct store_txn *txn, struct meta *m, struct store_bytes key,
                      const Sf__ConfObject *object)
{
    size_t size = sf__conf_object__get_packed_size(object);
    uint8_t *packed = malloc(size + 1);

    if (packed == NULL)
        return -ENOMEM;
    sf__conf_object__pack(object, packed);
    int r = store_put(txn, OBJECTS, key, STORE_BYTES(packed, size));
    sum_object(m, key, STORE_BYTES(packed, size), true);
    m->count++;
    free(packed);
    return r;
}

/* remove_object - take the object at KEY out of table and checksum, when it is there. */
static int remove_object(struct store_txn *txn, struct meta *m, struct store_bytes key)
{
    void *old = NULL;
    size_t length = 0;
    int r = store_get(txn, OBJECTS, key, &old, &length);

    if (r == -ENOENT)
        return 0;
    if (r != 0)
        return r;
    sum_object(m, key, STORE_BYTES(old, length), false);
    m->count--;
    free(old);
    return store_del(txn, OBJECTS, key);
}

static int apply_change(struct store_txn *txn, struct meta *m, const Sf__ConfChange *change)
{
    char text[MESSAGE_KEY_MAX];
    int length = change->object != NULL ? message_key(change->object, text) : -EINVAL;

    if (length < 0)
        return length;
    struct store_bytes key = STORE_BYTES(text, (size_t)length);
    int r = remove_object(txn, m, key);
    return r != 0 || change->deleted ? r : put_object(txn, m, key, change->object);
}

static int put_entry(struct store_txn *txn, unsigned table, struct store_bytes key,
                     const Sf__LogEntry *entry)
{
    size_t size = sf__log_entry__get_packed_size(entry);
    uint8_t *packed = malloc(size + 1);

    if (packed == NULL)
        return -ENOMEM;
    sf__log_entry__pack(entry, packed);
    int r = store_put(txn, table, key, STORE_BYTES(packed, size));
    free(packed);
    return r;
}

static int put_log(struct store_txn *txn, struct draft *d, char *checksum)
{
    Sf__LogEntry entry = SF__LOG_ENTRY__INIT;
    uint8_t key[8];

    entry.epoch = d->entry->position.epoch;
    entry.txid = d->entry->position.txid;
    entry.n_changes = d->entry->count;
    entry.changes = (Sf__ConfChange **)d->entry->changes; /* only read */
    entry.checksum = checksum;
    store_u64(entry.txid, key);
    int r = put_entry(txn, LOG, STORE_BYTES(key, sizeof key), &entry);
    if (r != 0)
        return r;
    if (d->meta.log_first == 0)
        d->meta.log_first = entry.txid;
    if (entry.txid - d->meta.log_first < d->entry->log_max)
        return 0;
    d->meta.log_first = entry.txid - d->entry->log_max + 1;
    store_u64(d->meta.log_first, key);
    return store_del_range(txn, LOG, STORE_NONE, STORE_BYTES(key, sizeof key));
}

static bool may(const struct objects_entry *entry)
{
    return entry->may == NULL || entry->may(entry->may_arg);
}

static int apply(struct store_txn *txn, void *arg)
{
    struct draft *d = arg;
    const struct objects_entry *entry = d->entry;
    char checksum[OBJECTS_CHECKSUM_SIZE];
    int r = 0;

    d->meta = d->before->meta;
    d->history = d->before->history;
    if (!may(entry))
        return -EPERM;
    if (entry->position.txid != d->meta.txid + 1 || entry->position.epoch < d->meta.epoch ||
        !copy_history_add(&d->history, entry->position))
        return -ESTALE;
    for (size_t i = 0; r == 0 && i < entry->count; i++)
        r = apply_change(txn, &d->meta, entry->changes[i]);
    if (r != 0)
        return r;
    sum_text(&d->meta, checksum);
    if (entry->checksum != NULL && strcmp(checksum, entry->checksum) != 0)
        return -EBADMSG;
    d->meta.epoch = entry->position.epoch;
    d->meta.txid = entry->position.txid;
    d->meta.loaded = d->meta.loaded != 0 || entry->count > 0;
    r = put_log(txn, d, checksum);
    if (r == 0)
        r = put_meta(txn, d);
    return r == 0 && !may(entry) ? -EPERM : r;
}

/* run - do the work on a draft, and keep the draft when it is on disk. */
static int run(struct objects *o, store_txn_fn *fn, struct draft *d)
{
    bool refused;
    int r;

    disk_begin(&o->disk, loop_now_exact());
    r = store_update(o->store, fn, d);
    refused = r == -EPERM || r == -ESTALE || r == -EBADMSG; /* by us, not by the disk */
    disk_end(&o->disk, loop_now_exact(), r == 0 || refused ? "" : store_error(o->store));
    o->error[0] = '\0';
    if (r == 0) {
        o->meta = d->meta;
        o->history = d->history;
        show(o);
        return 0;
    }
    const char *words = r == -EPERM     ? "the right to write has run out"
                        : r == -ESTALE  ? "it does not follow the last transaction here"
                        : r == -EBADMSG ? "its checksum is not what its sender promised"
                                        : store_error(o->store);
    (void)snprintf(o->error, sizeof o->error, "%s", words[0] != '\0' ? words : strerror(-r));
    return r;
}

int objects_apply(struct objects *objects, const struct objects_entry *entry)
{
    struct draft d = {.before = objects, .entry = entry};

    assert(entry->log_max > 0);
    return run(objects, apply, &d);
}

/* --- Taking another copy. --- */

struct conflict_move {
    struct store_txn *txn;
    uint64_t moved;
    int error;
};

static int move_conflict(void *arg, struct store_bytes key, struct store_bytes value)
{
    struct conflict_move *move = arg;
    Sf__LogEntry *entry = sf__log_entry__unpack(NULL, value.length, value.data);
    uint8_t name[16];

    (void)key;
    if (entry == NULL)
        return -EBADMSG;
    if (entry->n_changes > 0) { /* an opening transaction holds nothing that could be lost */
        store_u64(entry->epoch, name);
        store_u64(entry->txid, name + 8);
        move->error = store_put(move->txn, CONFLICTS, STORE_BYTES(name, sizeof name), value);
        move->moved++;
    }
    sf__log_entry__free_unpacked(entry, NULL);
    return move->error;
}

static int keep_conflicts(struct store_txn *txn, struct draft *d)
{
    struct conflict_move move = {.txn = txn};
    uint8_t from[8];

    store_u64(d->snapshot->common_txid + 1, from);
    int r = store_each(txn, LOG, STORE_NONE, STORE_BYTES(from, sizeof from), move_conflict, &move);
    d->meta.conflicts += move.moved;
    return r;
}

static int replace(struct store_txn *txn, void *arg)
{
    struct draft *d = arg;
    const struct objects_snapshot *snapshot = d->snapshot;
    char checksum[OBJECTS_CHECKSUM_SIZE];

    d->meta = d->before->meta;
    d->history = *snapshot->history;
    if (copy_compare(snapshot->position, d->before->state.held) < 0)
        return -ESTALE;
    if (d->history.count == 0 ||
        d->history.epochs[d->history.count - 1].epoch != snapshot->position.epoch ||
        d->history.epochs[d->history.count - 1].last_txid != snapshot->position.txid)
        return -EBADMSG;
    int r = keep_conflicts(txn, d);
    if (r == 0)
        r = store_del_range(txn, LOG, STORE_NONE, STORE_NONE);
    if (r == 0)
        r = store_del_range(txn, OBJECTS, STORE_NONE, STORE_NONE);
    d->meta = (struct meta){.epoch = snapshot->position.epoch,
                            .txid = snapshot->position.txid,
                            .loaded = snapshot->loaded,
                            .conflicts = d->meta.conflicts};
    for (size_t i = 0; r == 0 && i < snapshot->count; i++) {
        char key[MESSAGE_KEY_MAX];
        int length = message_key(snapshot->objects[i], key);
        r = length < 0
                ? length
                : put_object(txn, &d->meta, STORE_BYTES(key, (size_t)length), snapshot->objects[i]);
    }
    if (r != 0)
        return r;
    sum_text(&d->meta, checksum);
    return strcmp(checksum, snapshot->checksum) != 0 ? -EBADMSG : put_meta(txn, d);
}

int objects_replace(struct objects *objects, const struct objects_snapshot *snapshot)
{
    struct draft d = {.before = objects, .snapshot = snapshot};

    return run(objects, replace, &d);
}

/* --- Reading. --- */

struct walk {
    unsigned table;
    struct store_bytes prefix;
    struct store_bytes from;
    bool exact; /* only the entry whose key is the prefix */
    objects_object_fn *object;
    objects_entry_fn *entry;
    void *arg;
    int result;
};

static int walk_one(void *arg, struct store_bytes key, struct store_bytes value)
{
    struct walk *w = arg;

    if (w->exact && key.length != w->prefix.length)
        return 1;
    if (w->object != NULL) {
        Sf__ConfObject *object = sf__conf_object__unpack(NULL, value.length, value.data);
        if (object == NULL)
            return -EBADMSG;
        w->result = w->object(w->arg, object);
        sf__conf_object__free_unpacked(object, NULL);
    } else {
        Sf__LogEntry *entry = sf__log_entry__unpack(NULL, value.length, value.data);
        if (entry == NULL)
            return -EBADMSG;
        w->result = w->entry(w->arg, entry);
        sf__log_entry__free_unpacked(entry, NULL);
    }
    return w->result != 0 ? 1 : 0;
}

static int walk_txn(struct store_txn *txn, void *arg)
{
    struct walk *w = arg;

    return store_each(txn, w->table, w->prefix, w->from, walk_one, w);
}

static int walk(struct objects *o, struct walk *w)
{
    int r = store_view(o->store, walk_txn, w);

    return r < 0 ? r : w->result;
}

int objects_each(struct objects *objects, const char *type, const char *id, objects_object_fn *fn,
                 void *arg)
{
    char prefix[MESSAGE_KEY_MAX];
    int length = 0;

    if (type[0] != '\0')
        length = snprintf(prefix, sizeof prefix, "%s/%s", type, id);
    if (length >= (int)sizeof prefix)
        return 0; /* longer than any key that there can be */
    return walk(objects, &(struct walk){.table = OBJECTS,
                                        .prefix = length > 0 ? STORE_BYTES(prefix, (size_t)length)
                                                             : STORE_NONE,
                                        .exact = id[0] != '\0',
                                        .object = fn,
                                        .arg = arg});
}

int objects_log_each(struct objects *objects, uint64_t from_txid, objects_entry_fn *fn, void *arg)
{
    uint8_t from[8];

    store_u64(from_txid, from);
    return walk(objects,
                &(struct walk){
                    .table = LOG, .from = STORE_BYTES(from, sizeof from), .entry = fn, .arg = arg});
}

int objects_conflict_each(struct objects *objects, objects_entry_fn *fn, void *arg)
{
    return walk(objects, &(struct walk){.table = CONFLICTS, .entry = fn, .arg = arg});
}

static int take_checksum(void *arg, const Sf__LogEntry *entry)
{
    (void)snprintf(arg, OBJECTS_CHECKSUM_SIZE, "%s", entry->checksum);
    return 1;
}

int objects_checksum_at(struct objects *objects, uint64_t txid,
                        char ret_checksum[OBJECTS_CHECKSUM_SIZE])
{
    if (txid == objects->state.held.txid) {
        memcpy(ret_checksum, objects->state.checksum, OBJECTS_CHECKSUM_SIZE);
        return 0;
    }
    if (objects->state.log_first == 0 || txid < objects->state.log_first ||
        txid > objects->state.held.txid)
        return -ENOENT;
    int r = objects_log_each(objects, txid, take_checksum, ret_checksum);
    return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}
