#include "sipserver/adapt/records.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/loop.h"

#define RETRY_MS      1000                 /* after the disk refused */
#define SWEEP_MS      60000                /* look for records that are too old or too many */
#define SWEEP_AT_ONCE 1000                 /* deleted in one transaction */
#define MAP_MAX       (UINT64_C(96) << 30) /* address space: three times the largest records-size-max */
#define FORMAT        1
#define KEY_MAX       (8 + SC_CALL_ID_SIZE)

enum { TABLE_RECORDS, TABLE_META };
static const char *const tables[] = {"records", "meta", NULL};
#define BYTES_KEY STORE_BYTES("bytes", 5) /* of the table meta: the sum of all keys and records */

struct entry {
    struct entry *next;
    uint32_t key_len, size;
    uint8_t key[KEY_MAX];
    uint8_t packed[];
};

struct entries {
    struct entry *first, *last;
    uint32_t n;
};

struct records {
    char path[512];
    pthread_t thread;
    int wake_fd;  /* wakes the thread */
    int event_fd; /* wakes the loop */

    struct entries turn; /* the loop's own */

    pthread_mutex_t lock; /* guards the rest */
    struct records_conf conf;
    struct entries queue;
    struct records_query *asked, *answered;
    bool idle;  /* the thread waits for work, without a time */
    bool swept; /* with the present configuration */
    bool stop;
    struct records_state state;
    struct disk disk;

    /* the thread's own */
    struct store *store;
    struct entries batch;
    mono_t write_due, sweep_due;
};

/* ---- lists ---- */

static void append(struct entries *to, struct entries *from)
{
    if (from->first == NULL)
        return;
    if (to->first == NULL)
        to->first = from->first;
    else
        to->last->next = from->first;
    to->last = from->last;
    to->n += from->n;
    *from = (struct entries){NULL, NULL, 0};
}

static void forget(struct entries *list)
{
    while (list->first != NULL) {
        struct entry *e = list->first;

        list->first = e->next;
        free(e);
    }
    *list = (struct entries){NULL, NULL, 0};
}

static void push_query(struct records_query **list, struct records_query *query)
{
    while (*list != NULL)
        list = &(*list)->next;
    query->next = NULL;
    *list = query;
}

static void wake(int fd)
{
    const uint64_t one = 1;

    (void)!write(fd, &one, sizeof(one)); /* a counter that is full wakes as well */
}

static void drain(int fd)
{
    uint64_t count;

    (void)!read(fd, &count, sizeof(count));
}

/* ---- one record ---- */

static char *text(const char *t)
{
    return (char *)(uintptr_t)t; /* protobuf-c has no const strings */
}

void record_message(const struct sc_record *r, struct record_message *m)
{
    sf__call_record__init(&m->call);
    m->call.call = text(r->call);
    m->call.site = r->site;
    m->call.outcome = text(r->outcome != 0 ? sc_call_phase_name(r->outcome) : "");
    m->call.released_by = text(sc_party_name(r->released_by));
    m->call.caller = text(r->caller);
    m->call.called = text(r->called);
    m->call.source = text(r->source);
    m->call.queue = text(r->queue);
    m->call.agent = text(r->agent);
    m->call.reason = text(r->reason);
    m->call.cause = r->cause;
    m->call.start_ms = r->start_ms;
    m->call.queued_ms = r->queued_ms;
    m->call.music_ms = r->music_ms;
    m->call.priority = r->priority;
    m->call.overflows = r->overflows;
    m->call.answer_ms = r->answer_ms;
    m->call.end_ms = r->end_ms;
    m->call.wait_ms = r->wait_ms;
    m->call.talk_ms = r->talk_ms;
    m->call.from_peer = r->from_peer;
    m->call.relayed = r->relayed;
    m->call.redirected = r->redirected;
    m->call.targets = r->targets;
    m->call.caller_private = r->caller_private;
    m->call.diverted_from = text(r->diverted_from);
    m->call.diversions = r->diversions;
    for (uint32_t i = 0; i < r->legs_n; i++) {
        const struct sc_record_leg *in = &r->legs[i];
        Sf__CallLeg *leg = &m->legs[i];

        sf__call_leg__init(leg);
        leg->number = text(in->number);
        leg->agent = text(in->agent);
        leg->start_ms = in->start_ms;
        leg->ring_ms = in->ring_ms;
        leg->answer_ms = in->answer_ms;
        leg->end_ms = in->end_ms;
        leg->status = in->status;
        leg->reason = text(sc_leg_end_name(in->how));
        leg->by_transfer = in->by_transfer;
        m->leg_list[i] = leg;
    }
    m->call.before = text(r->before);
    attached_fill(&m->attached, r->data);
    m->call.attached = m->attached.list;
    m->call.n_attached = m->attached.n;
    m->call.legs = m->leg_list;
    m->call.n_legs = r->legs_n;
}

/* (beginning, call id); CALL "" comes before every call of that moment. */
static uint32_t make_key(int64_t start_ms, const char *call, uint8_t key[KEY_MAX])
{
    size_t len = strlen(call);

    assert(len < SC_CALL_ID_SIZE);
    store_u64(start_ms > 0 ? (uint64_t)start_ms : 0, key);
    memcpy(key + 8, call, len);
    return (uint32_t)(8 + len);
}

void records_add(struct records *r, const struct sc_record *record)
{
    struct record_message m;

    record_message(record, &m);
    records_keep(r, &m.call);
}

void records_keep(struct records *r, const Sf__CallRecord *call)
{
    struct entries one;
    struct entry *e;
    size_t size;

    if (r == NULL || strlen(call->call) >= SC_CALL_ID_SIZE)
        return;
    size = sf__call_record__get_packed_size(call);
    e = malloc(sizeof(*e) + size);
    if (e == NULL) {
        pthread_mutex_lock(&r->lock);
        r->state.lost++;
        pthread_mutex_unlock(&r->lock);
        return;
    }
    e->next = NULL;
    e->size = (uint32_t)size;
    e->key_len = make_key(call->start_ms, call->call, e->key);
    sf__call_record__pack(call, e->packed);
    one = (struct entries){e, e, 1};
    append(&r->turn, &one);
}

void records_flush(struct records *r)
{
    struct entries lost = {NULL, NULL, 0};
    bool was_idle;

    if (r->turn.n == 0)
        return;
    pthread_mutex_lock(&r->lock);
    if (r->state.waiting + r->turn.n > r->conf.queue_max) {
        r->state.lost += r->turn.n;
        append(&lost, &r->turn);
    } else {
        r->state.waiting += r->turn.n;
        append(&r->queue, &r->turn);
    }
    was_idle = r->idle;
    r->idle = false;
    pthread_mutex_unlock(&r->lock);
    if (lost.n != 0)
        wake(r->event_fd);
    if (was_idle)
        wake(r->wake_fd);
    forget(&lost);
}

/* ---- the thread: writing ---- */

static int read_bytes(struct store_txn *txn, uint64_t *ret_bytes)
{
    uint8_t number[8];
    int r = store_get_into(txn, TABLE_META, BYTES_KEY, number, sizeof(number));

    *ret_bytes = r == 0 ? store_number(number) : 0;
    return r == -ENOENT ? 0 : r;
}

static int write_bytes(struct store_txn *txn, uint64_t bytes)
{
    uint8_t number[8];

    store_u64(bytes, number);
    return store_put(txn, TABLE_META, BYTES_KEY, STORE_BYTES(number, sizeof(number)));
}

/* A record of the same call replaces the one before: the other host of the pair may have written an
 * earlier one, before a call that it gave up went on here. */
static int put_one(struct store_txn *txn, const struct entry *e, uint64_t *bytes)
{
    struct store_bytes key = STORE_BYTES(e->key, e->key_len);
    void *there = NULL;
    size_t length = 0;
    int r = store_get(txn, TABLE_RECORDS, key, &there, &length);
    bool same = r == 0 && length == e->size && memcmp(there, e->packed, length) == 0;

    free(there);
    if (same)
        return 0;
    if (r == 0)
        *bytes -= e->key_len + length < *bytes ? e->key_len + length : *bytes;
    else if (r != -ENOENT)
        return r;
    *bytes += e->key_len + e->size;
    return store_put(txn, TABLE_RECORDS, key, STORE_BYTES(e->packed, e->size));
}

static int put_all(struct store_txn *txn, void *arg)
{
    const struct records *records = arg;
    uint64_t bytes;
    int r = read_bytes(txn, &bytes);

    for (const struct entry *e = records->batch.first; r == 0 && e != NULL; e = e->next)
        r = put_one(txn, e, &bytes);
    return r == 0 ? write_bytes(txn, bytes) : r;
}

/* What is wrong now; the loop is told of a change. */
static void set_error(struct records *r, const char *error)
{
    bool changed;

    pthread_mutex_lock(&r->lock);
    changed = (r->state.error[0] != '\0') != (error[0] != '\0');
    snprintf(r->state.error, sizeof(r->state.error), "%s", error);
    pthread_mutex_unlock(&r->lock);
    if (changed)
        wake(r->event_fd);
}

static bool open_store(struct records *r)
{
    const struct store_conf conf = {
        .path = r->path, .tables = tables, .format = FORMAT, .map_max = MAP_MAX};
    char error[STORE_ERROR_MAX];

    if (r->store != NULL)
        return true;
    if (store_open(&conf, &r->store, error) == 0)
        return true;
    r->store = NULL;
    set_error(r, error);
    return false;
}

static void disk_begins(struct records *r)
{
    pthread_mutex_lock(&r->lock);
    disk_begin(&r->disk, loop_now_exact());
    pthread_mutex_unlock(&r->lock);
}

/* After set_error. */
static void disk_ends(struct records *r)
{
    pthread_mutex_lock(&r->lock);
    disk_end(&r->disk, loop_now_exact(), r->state.error);
    pthread_mutex_unlock(&r->lock);
}

enum disk_grade records_disk(struct records *r, char *ret_why)
{
    enum disk_grade grade;

    pthread_mutex_lock(&r->lock);
    grade = disk_look(&r->disk, loop_now_exact(), ret_why);
    pthread_mutex_unlock(&r->lock);
    return grade;
}

static void write_batch(struct records *r, const struct records_conf *conf, mono_t now)
{
    if (r->batch.n == 0)
        return;
    disk_begins(r);
    if (!open_store(r)) {
        disk_ends(r);
        r->write_due = mono_add_ms(now, RETRY_MS);
        return;
    }
    if (store_update(r->store, put_all, r) != 0) {
        set_error(r, store_error(r->store));
        disk_ends(r);
        r->write_due = mono_add_ms(loop_now_exact(), RETRY_MS);
        return;
    }
    set_error(r, "");
    disk_ends(r);
    pthread_mutex_lock(&r->lock);
    r->state.waiting -= r->batch.n;
    r->state.written += r->batch.n;
    pthread_mutex_unlock(&r->lock);
    forget(&r->batch);
    r->write_due = mono_add_ms(loop_now_exact(), conf->sync_ms);
}

/* ---- the thread: what is too old, or too much ---- */

struct sweep {
    struct store_txn *txn;
    uint64_t before_ms; /* older ones go */
    uint64_t bytes, bytes_max;
    unsigned deleted;
};

static int sweep_one(void *arg, struct store_bytes key, struct store_bytes value)
{
    struct sweep *s = arg;
    int r;

    if (s->deleted == SWEEP_AT_ONCE ||
        (store_number(key.data) >= s->before_ms && s->bytes <= s->bytes_max))
        return 1;
    r = store_del(s->txn, TABLE_RECORDS, key);
    if (r != 0)
        return r;
    s->deleted++;
    s->bytes -= key.length + value.length < s->bytes ? key.length + value.length : s->bytes;
    return 0;
}

static int sweep_some(struct store_txn *txn, void *arg)
{
    struct sweep *s = arg;
    int r;

    s->txn = txn;
    s->deleted = 0;
    r = read_bytes(txn, &s->bytes);
    if (r == 0)
        r = store_each(txn, TABLE_RECORDS, STORE_NONE, STORE_NONE, sweep_one, s);
    return r == 0 && s->deleted != 0 ? write_bytes(txn, s->bytes) : r;
}

static void sweep(struct records *r, const struct records_conf *conf, mono_t now)
{
    int64_t before = loop_wall_ms() - (int64_t)conf->keep_s * 1000;
    struct sweep s = {.before_ms = before > 0 ? (uint64_t)before : 0,
                      .bytes_max = (uint64_t)conf->size_max_mib << 20};

    r->sweep_due = mono_add_ms(now, SWEEP_MS);
    if (!open_store(r) || store_update(r->store, sweep_some, &s) != 0)
        return;
    if (s.deleted == SWEEP_AT_ONCE)
        r->sweep_due = now; /* the rest, after what waits to be written */
    pthread_mutex_lock(&r->lock);
    r->state.expired += s.deleted;
    pthread_mutex_unlock(&r->lock);
}

/* ---- the thread: reading ---- */

static int read_one(void *arg, struct store_bytes key, struct store_bytes value)
{
    struct records_query *q = arg;
    uint8_t after[KEY_MAX];
    uint32_t after_len = make_key(q->since_ms, q->after_call, after);

    if (q->after_call[0] != '\0' && key.length == after_len &&
        memcmp(key.data, after, after_len) == 0)
        return 0;
    if (q->n == q->limit) {
        q->more = true;
        return 1;
    }
    q->calls[q->n] = sf__call_record__unpack(NULL, value.length, value.data);
    if (q->calls[q->n] != NULL)
        q->n++;
    return 0;
}

static int read_page(struct store_txn *txn, void *arg)
{
    const struct records_query *q = arg;
    uint8_t from[KEY_MAX];
    uint32_t len = make_key(q->since_ms, q->after_call, from);

    return store_each(txn, TABLE_RECORDS, STORE_NONE, STORE_BYTES(from, len), read_one, arg);
}

static void answer_all(struct records *r, struct records_query *queries)
{
    while (queries != NULL) {
        struct records_query *q = queries;

        queries = q->next;
        q->code = open_store(r) ? store_view(r->store, read_page, q) : -EIO;
        pthread_mutex_lock(&r->lock);
        push_query(&r->answered, q);
        pthread_mutex_unlock(&r->lock);
        wake(r->event_fd);
    }
}

/* ---- the thread ---- */

/* How long there is nothing to do: ms for poll(2); -1: until woken. */
static int idle_ms(struct records *r)
{
    mono_t due = r->sweep_due, now = loop_now_exact();
    int64_t ms;

    pthread_mutex_lock(&r->lock);
    r->idle = r->queue.n == 0 && r->batch.n == 0;
    if (!r->idle)
        due = mono_min(due, r->write_due);
    if (r->stop || r->asked != NULL || !r->swept)
        due = now;
    pthread_mutex_unlock(&r->lock);
    ms = mono_due(due, now) ? 0 : mono_diff_ms(due, now) + 1;
    return ms > SWEEP_MS ? SWEEP_MS : (int)ms;
}

static void *work(void *arg)
{
    struct records *r = arg;
    bool stop = false;

    while (!stop) {
        struct pollfd woken = {.fd = r->wake_fd, .events = POLLIN};
        struct records_query *asked;
        struct records_conf conf;
        mono_t now;

        if (poll(&woken, 1, idle_ms(r)) > 0)
            drain(r->wake_fd);
        now = loop_now_exact();
        pthread_mutex_lock(&r->lock);
        stop = r->stop;
        asked = r->asked;
        r->asked = NULL;
        conf = r->conf;
        if (!r->swept)
            r->sweep_due = now;
        r->swept = true;
        if (mono_due(r->write_due, now) || asked != NULL || stop) {
            append(&r->batch, &r->queue);
            r->write_due = now;
        }
        pthread_mutex_unlock(&r->lock);
        if (mono_due(r->write_due, now))
            write_batch(r, &conf, now);
        answer_all(r, asked);
        if (mono_due(r->sweep_due, now) && !stop)
            sweep(r, &conf, now);
    }
    store_close(&r->store);
    return NULL;
}

/* ---- for the loop ---- */

void records_conf_default(struct records_conf *c)
{
    *c = (struct records_conf){
        .keep_s = 7776000, .size_max_mib = 1024, .queue_max = 50000, .sync_ms = 100};
}

/* Signals are the loop's. */
static int start_thread(struct records *r)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&r->thread, NULL, work, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

int records_new(const char *path, const struct records_conf *conf, struct records **ret_records)
{
    struct records *r = calloc(1, sizeof(*r));
    int error = -ENOMEM;

    if (r == NULL)
        return -ENOMEM;
    snprintf(r->path, sizeof(r->path), "%s", path);
    r->conf = *conf;
    pthread_mutex_init(&r->lock, NULL);
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->wake_fd < 0 || r->event_fd < 0)
        error = -errno;
    else
        error = start_thread(r);
    if (error == 0) {
        *ret_records = r;
        return 0;
    }
    if (r->wake_fd >= 0)
        close(r->wake_fd);
    if (r->event_fd >= 0)
        close(r->event_fd);
    free(r);
    return error;
}

void records_destroy(struct records **records)
{
    struct records *r = *records;
    struct records_query *q;

    if (r == NULL)
        return;
    records_flush(r);
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_mutex_unlock(&r->lock);
    wake(r->wake_fd);
    pthread_join(r->thread, NULL);
    while ((q = records_answer(r)) != NULL)
        records_query_free(&q);
    forget(&r->batch);
    close(r->wake_fd);
    close(r->event_fd);
    pthread_mutex_destroy(&r->lock);
    free(r);
    *records = NULL;
}

void records_configure(struct records *r, const struct records_conf *conf)
{
    pthread_mutex_lock(&r->lock);
    r->conf = *conf;
    r->swept = false;
    pthread_mutex_unlock(&r->lock);
    wake(r->wake_fd);
}

void records_ask(struct records *r, struct records_query **query)
{
    struct records_query *q = *query;

    assert(q->limit >= 1 && q->limit <= RECORDS_PAGE_MAX);
    *query = NULL;
    records_flush(r);
    pthread_mutex_lock(&r->lock);
    push_query(&r->asked, q);
    r->idle = false;
    pthread_mutex_unlock(&r->lock);
    wake(r->wake_fd);
}

struct records_query *records_answer(struct records *r)
{
    struct records_query *q;

    drain(r->event_fd);
    pthread_mutex_lock(&r->lock);
    q = r->answered;
    if (q != NULL)
        r->answered = q->next;
    pthread_mutex_unlock(&r->lock);
    return q;
}

void records_query_free(struct records_query **query)
{
    struct records_query *q = *query;

    if (q == NULL)
        return;
    for (uint32_t i = 0; i < q->n; i++)
        sf__call_record__free_unpacked(q->calls[i], NULL);
    free(q);
    *query = NULL;
}

int records_fd(const struct records *r)
{
    return r->event_fd;
}

void records_state(struct records *r, struct records_state *ret_state)
{
    pthread_mutex_lock(&r->lock);
    *ret_state = r->state;
    pthread_mutex_unlock(&r->lock);
}
