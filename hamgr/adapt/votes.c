#include "hamgr/adapt/votes.h"

#include "common/log.h"
#include "common/store.h"
#include "proto/lease.pb-c.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define VOTES_FORMAT 1
#define JOBS_MAX     8
#define AGAIN_MS     1000 /* the next check after a write that went badly */

enum job_kind { JOB_VOTE, JOB_MOVES, JOB_CHECK };

struct job {
    uint8_t kind; /* enum job_kind */
    uint8_t right;
    bool ok;
    uint32_t id;
    struct vote_record record;
    unsigned n;
    int64_t moves[HAM_MOVES_MAX];
    char error[STORE_ERROR_MAX];
};

struct jobs {
    unsigned n;
    struct job job[JOBS_MAX];
};

struct votes {
    struct store *store;
    /* the writer */
    bool running;
    pthread_t thread;
    pthread_mutex_t lock; /* guards WAITING, DONE, DISK and STOP */
    pthread_cond_t wake;
    struct jobs waiting, done;
    struct disk disk;
    uint32_t check_ms;
    uint64_t checks; /* the writer's own */
    bool stop;
    int event_fd; /* something is done */
    struct loop_io *io;
    votes_fn *fn;
    void *arg;
};

static void end_writer(struct votes *v);

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
    end_writer(*votes);
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
                                 .loan = {record->loan_first, record->loan_second},
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
    record.loan_first = s->record->loan[0];
    record.loan_second = s->record->loan[1];
    record.holder = s->record->holder;
    if (sf__vote_record__get_packed_size(&record) > sizeof(buffer))
        return -EMSGSIZE;
    size = sf__vote_record__pack(&record, buffer);
    return store_put(txn, 0, STORE_BYTES(&s->right, 1), STORE_BYTES(buffer, size));
}

static int put_vote(struct votes *v, uint8_t right, const struct vote_record *record)
{
    struct saving s = {right, record};

    return store_update(v->store, save, &s);
}

static void tell_vote_lost(const char *error)
{
    log_event(LEVEL_ERR, MSG_STORE, NULL, "votes: the promise was not made: %s", error);
}

int votes_save(struct votes *v, enum ham_right right, const struct vote_record *record)
{
    int r = put_vote(v, (uint8_t)right, record);

    if (r < 0)
        tell_vote_lost(store_error(v->store));
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

static int put_moves(struct votes *v, const int64_t *moves, unsigned n)
{
    struct moves m = {.n = n};

    memcpy(m.at_ms, moves, n * sizeof(moves[0]));
    return store_update(v->store, save_moves, &m);
}

static void tell_moves_lost(const char *error)
{
    log_event(LEVEL_ERR, MSG_STORE, NULL,
              "votes: a restart of hamgr will not know of the last moves: %s", error);
}

int votes_save_moves(struct votes *v, const int64_t *moves, unsigned n)
{
    int r = put_moves(v, moves, n);

    if (r < 0)
        tell_moves_lost(store_error(v->store));
    return r;
}

/* ---- the writer ---- */

static const uint8_t check_key = 'c'; /* above every right; of no use to anybody */

static int save_check(struct store_txn *txn, void *arg)
{
    const uint64_t *number = arg;

    return store_put(txn, 0, STORE_BYTES(&check_key, 1), STORE_BYTES(number, sizeof(*number)));
}

static int check_disk(struct votes *v)
{
    v->checks++;
    return store_update(v->store, save_check, &v->checks);
}

static bool enter(struct jobs *jobs, const struct job *job)
{
    if (jobs->n == JOBS_MAX)
        return false;
    jobs->job[jobs->n++] = *job;
    return true;
}

static bool take(struct jobs *jobs, struct job *ret_job)
{
    if (jobs->n == 0)
        return false;
    *ret_job = jobs->job[0];
    memmove(&jobs->job[0], &jobs->job[1], --jobs->n * sizeof(jobs->job[0]));
    return true;
}

/* The log is the loop's: what went wrong travels with the job. */
static void carry_out(struct votes *v, struct job *job)
{
    int r = job->kind == JOB_VOTE    ? put_vote(v, job->right, &job->record)
            : job->kind == JOB_MOVES ? put_moves(v, job->moves, job->n)
                                     : check_disk(v);

    job->ok = r == 0;
    if (r < 0)
        (void)snprintf(job->error, sizeof(job->error), "%s", store_error(v->store));
}

/* Wait for a job; false: it is time for a check of our own. */
static bool wait_for_job(struct votes *v)
{
    uint32_t ms = v->disk.grade > DISK_GOOD && v->check_ms > AGAIN_MS ? AGAIN_MS : v->check_ms;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!v->stop && v->waiting.n == 0)
        if (pthread_cond_timedwait(&v->wake, &v->lock, &until) == ETIMEDOUT)
            return v->stop || v->waiting.n > 0;
    return true;
}

/* At the end it finishes what waits: a promise may have been asked for, and is not made, but the
 * disk is not left half told. */
static void *write_on(void *arg)
{
    static const uint64_t one = 1;
    struct votes *v = arg;
    struct job job;

    pthread_mutex_lock(&v->lock);
    for (;;) {
        job = (struct job){.kind = JOB_CHECK};
        if (wait_for_job(v) && !take(&v->waiting, &job))
            break;
        disk_begin(&v->disk, loop_now_exact());
        pthread_mutex_unlock(&v->lock);
        carry_out(v, &job);
        pthread_mutex_lock(&v->lock);
        disk_end(&v->disk, loop_now_exact(), job.error);
        if (job.kind == JOB_CHECK)
            continue;
        (void)enter(&v->done, &job);
        (void)!write(v->event_fd, &one, sizeof(one));
    }
    pthread_mutex_unlock(&v->lock);
    return NULL;
}

static void on_done(void *arg, uint32_t events)
{
    struct votes *v = arg;
    uint64_t count;
    struct job job;
    bool more;

    (void)events;
    (void)!read(v->event_fd, &count, sizeof(count));
    do {
        pthread_mutex_lock(&v->lock);
        more = take(&v->done, &job);
        pthread_mutex_unlock(&v->lock);
        if (more && !job.ok)
            (job.kind == JOB_VOTE ? tell_vote_lost : tell_moves_lost)(job.error);
        if (more && job.kind == JOB_VOTE)
            v->fn(v->arg, job.id, job.ok);
    } while (more);
}

enum disk_grade votes_disk(struct votes *v, mono_t now, char *ret_why)
{
    enum disk_grade grade;

    pthread_mutex_lock(&v->lock);
    grade = disk_look(&v->disk, now, ret_why);
    pthread_mutex_unlock(&v->lock);
    return grade;
}

int votes_start(struct votes *v, struct loop *loop, uint32_t check_ms, votes_fn *fn, void *arg)
{
    pthread_condattr_t monotonic;
    sigset_t all, before;
    int r;

    v->check_ms = check_ms;

    v->fn = fn;
    v->arg = arg;
    v->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (v->event_fd < 0)
        return -errno;
    r = loop_io_new(loop, v->event_fd, EPOLLIN, LOOP_LEASE, on_done, v, &v->io);
    if (r < 0) {
        close(v->event_fd);
        return r;
    }
    pthread_mutex_init(&v->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&v->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sigfillset(&all); /* signals are the loop's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(&v->thread, NULL, write_on, v);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    v->running = r == 0;
    if (r < 0) {
        loop_io_destroy(&v->io);
        close(v->event_fd);
    }
    return r;
}

static void end_writer(struct votes *v)
{
    if (!v->running)
        return;
    pthread_mutex_lock(&v->lock);
    v->stop = true;
    pthread_cond_signal(&v->wake);
    pthread_mutex_unlock(&v->lock);
    pthread_join(v->thread, NULL);
    loop_io_destroy(&v->io);
    close(v->event_fd);
    pthread_cond_destroy(&v->wake);
    pthread_mutex_destroy(&v->lock);
    v->running = false;
}

static bool hand_over(struct votes *v, const struct job *job)
{
    bool entered;

    pthread_mutex_lock(&v->lock);
    /* What is done and not told yet counts as well: so there is room for it. */
    entered = v->waiting.n + v->done.n < JOBS_MAX - 1 && enter(&v->waiting, job);
    pthread_cond_signal(&v->wake);
    pthread_mutex_unlock(&v->lock);
    return entered;
}

bool votes_write(struct votes *v, enum ham_right right, const struct vote_record *record,
                 uint32_t id)
{
    const struct job job = {.kind = JOB_VOTE, .right = (uint8_t)right, .id = id, .record = *record};

    return hand_over(v, &job);
}

bool votes_write_moves(struct votes *v, const int64_t *moves, unsigned n)
{
    struct job job = {.kind = JOB_MOVES, .n = n};

    memcpy(job.moves, moves, n * sizeof(moves[0]));
    return hand_over(v, &job);
}
