#include "hamgr/adapt/votes.h"

#include "common/log.h"
#include "common/store.h"
#include "proto/lease.pb-c.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VOTES_FORMAT 1

struct votes {
    struct store *store;
};

struct loading {
    struct vote_record *records;
};

struct saving {
    uint8_t right;
    const struct vote_record *record;
};

int votes_open(const char *folder, struct votes **ret_votes)
{
    static const char *const tables[] = {"votes", NULL};
    const struct store_conf conf = {
        .path = folder, .tables = tables, .format = VOTES_FORMAT, .map_initial = 1 << 20};
    char error[STORE_ERROR_MAX];
    struct votes *v = calloc(1, sizeof(*v));
    int r;

    if (v == NULL)
        return -ENOMEM;
    r = store_open(&conf, &v->store, error);
    if (r < 0) {
        log_event(LEVEL_ERR, MSG_STORE, NULL, "votes: %s", error);
        free(v);
        return r;
    }
    *ret_votes = v;
    return 0;
}

void votes_close(struct votes **votes)
{
    if (*votes == NULL)
        return;
    store_close(&(*votes)->store);
    free(*votes);
    *votes = NULL;
}

static int load(struct store_txn *txn, void *arg)
{
    struct loading *l = arg;

    for (uint8_t right = 0; right < RIGHTS_MAX; right++) {
        void *data;
        size_t size;
        Sf__VoteRecord *record;
        int r = store_get(txn, 0, STORE_BYTES(&right, 1), &data, &size);

        l->records[right] = (struct vote_record){0};
        if (r == -ENOENT)
            continue;
        if (r < 0)
            return r;
        record = sf__vote_record__unpack(NULL, size, data);
        free(data);
        if (record == NULL)
            return -EBADMSG;
        l->records[right] =
            (struct vote_record){.known = true,
                                 .epoch = record->epoch,
                                 .floor = record->floor,
                                 .solo = {record->solo_epoch, record->solo_sequence},
                                 .solo_turn = record->solo_turn,
                                 .ttl_ms = record->ttl_ms,
                                 .holder = (uint8_t)record->holder};
        sf__vote_record__free_unpacked(record, NULL);
    }
    return 0;
}

int votes_load(struct votes *v, struct vote_record *ret_records)
{
    struct loading l = {ret_records};
    int r = store_view(v->store, load, &l);

    if (r < 0)
        log_event(LEVEL_ERR, MSG_STORE, NULL, "votes: %s", store_error(v->store));
    return r;
}

static int save(struct store_txn *txn, void *arg)
{
    const struct saving *s = arg;
    Sf__VoteRecord record = SF__VOTE_RECORD__INIT;
    uint8_t buffer[128];
    size_t size;

    record.known = true;
    record.epoch = s->record->epoch;
    record.floor = s->record->floor;
    record.ttl_ms = s->record->ttl_ms;
    record.solo_epoch = s->record->solo.epoch;
    record.solo_sequence = s->record->solo.sequence;
    record.solo_turn = s->record->solo_turn;
    record.holder = s->record->holder;
    if (sf__vote_record__get_packed_size(&record) > sizeof(buffer))
        return -EMSGSIZE;
    size = sf__vote_record__pack(&record, buffer);
    return store_put(txn, 0, STORE_BYTES(&s->right, 1), STORE_BYTES(buffer, size));
}

int votes_save(struct votes *v, enum ham_right right, const struct vote_record *record)
{
    struct saving s = {(uint8_t)right, record};
    int r = store_update(v->store, save, &s);

    if (r < 0)
        log_event(LEVEL_ERR, MSG_STORE, NULL, "votes: the promise was not made: %s",
                  store_error(v->store));
    return r;
}

/* ---- the moves that anti-flap counts ---- */

static const uint8_t moves_key = 'm'; /* above every right */

struct moves {
    int64_t at_ms[HAM_MOVES_MAX];
    unsigned n;
};

static int load_moves(struct store_txn *txn, void *arg)
{
    struct moves *m = arg;
    void *data;
    size_t size;
    int r = store_get(txn, 0, STORE_BYTES(&moves_key, 1), &data, &size);

    m->n = 0;
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (size > sizeof(m->at_ms) || size % sizeof(m->at_ms[0]) != 0) {
        free(data);
        return -EBADMSG;
    }
    memcpy(m->at_ms, data, size);
    m->n = (unsigned)(size / sizeof(m->at_ms[0]));
    free(data);
    return 0;
}

int votes_load_moves(struct votes *v, int64_t *ret_moves, unsigned *ret_n)
{
    struct moves m;
    int r = store_view(v->store, load_moves, &m);

    if (r < 0) {
        log_event(LEVEL_ERR, MSG_STORE, NULL, "votes: %s", store_error(v->store));
        return r;
    }
    memcpy(ret_moves, m.at_ms, m.n * sizeof(m.at_ms[0]));
    *ret_n = m.n;
    return 0;
}

static int save_moves(struct store_txn *txn, void *arg)
{
    const struct moves *m = arg;

    return store_put(txn, 0, STORE_BYTES(&moves_key, 1),
                     STORE_BYTES(m->at_ms, m->n * sizeof(m->at_ms[0])));
}

int votes_save_moves(struct votes *v, const int64_t *moves, unsigned n)
{
    struct moves m = {.n = n};
    int r;

    memcpy(m.at_ms, moves, n * sizeof(moves[0]));
    r = store_update(v->store, save_moves, &m);
    if (r < 0)
        log_event(LEVEL_ERR, MSG_STORE, NULL,
                  "votes: a restart of hamgr will not know of the last moves: %s",
                  store_error(v->store));
    return r;
}
