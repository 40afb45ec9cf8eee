/* records - call records on disk, and never in the way of a call.
 *
 *     records_add ── list of the turn ── records_flush ── queue ──> thread: LMDB, records-sync
 * apart records_ask ───────────────────────────────────────────────> thread ──> records_answer
 *
 * A disk may stand still for half a minute; calls may not.  So the store belongs to a thread of its
 * own, which shares nothing with the loop but the two queues under one lock
 * (docs/decisions/0005-records-thread.md). A record waits in memory for records-sync at most when
 * the disk is well; an orderly stop writes all. When records-queue-max wait, the next is lost and
 * counted.  A disk that is full is tried again each second.
 *
 * The key is (beginning, call id): a record written twice is one, as it was written last.  Too old
 * and too many: the oldest go first.
 *
 * Owns:   the folder PATH.  Queries are the caller's until asked, the records' until answered.
 * Errors: 0 or negative errno; what is wrong with the disk is in struct records_state, in words.
 */
#ifndef SIPSERVER_ADAPT_RECORDS_H
#define SIPSERVER_ADAPT_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/disk.h"
#include "common/store.h"
#include "proto/calls.pb-c.h"
#include "sipserver/adapt/attached.h"
#include "sipserver/core/core.h"

#define RECORDS_PAGE_MAX 100 /* records of one answer: they fit one message of the bus */

struct records;

struct records_conf {
    uint32_t keep_s;
    uint32_t size_max_mib;
    uint32_t queue_max;
    uint32_t sync_ms;
};

void records_conf_default(struct records_conf *conf);

/* records_new - open the store at PATH in a thread.  A store that cannot be opened is tried again.
 */
int records_new(const char *path, const struct records_conf *conf, struct records **ret_records);

/* records_destroy - write what waits, once more if the disk refuses, and close. */
void records_destroy(struct records **records);

void records_configure(struct records *records, const struct records_conf *conf);

/* records_add - a call of this host is over.  records_keep - the same, as the other host of the
 * pair tells it; its strings are bounded by the codec. */
void records_add(struct records *records, const struct sc_record *record);
void records_keep(struct records *records, const Sf__CallRecord *call);
void records_flush(struct records *records); /* at the end of a turn */

struct records_query {
    uint64_t client, request_id;      /* for the caller's use */
    int64_t since_ms;                 /* records of calls that began at or after this ... */
    char after_call[SC_CALL_ID_SIZE]; /* ... and, of those at SINCE_MS, behind this one */
    uint32_t limit;                   /* 1..RECORDS_PAGE_MAX */
    /* the answer */
    int code;
    uint32_t n;
    bool more;
    Sf__CallRecord *calls[RECORDS_PAGE_MAX];
    struct records_query *next;
};

/* records_ask - QUERY comes back by records_answer, the records told before it with it. */
void records_ask(struct records *records, struct records_query **query);
struct records_query *records_answer(struct records *records); /* NULL: none yet */
void records_query_free(struct records_query **query);

/* records_fd - readable when there is an answer, or what is wrong has changed; read by
 * records_answer. */
int records_fd(const struct records *records);

struct records_state {
    uint32_t waiting; /* not on disk yet */
    uint64_t written;
    uint64_t lost;               /* the queue was full */
    uint64_t expired;            /* deleted by age or size */
    char error[STORE_ERROR_MAX]; /* what is wrong with the disk now; "" nothing */
};

/* records_disk - how the writes go; RET_WHY (DISK_WHY_SIZE bytes) says why when it is above good.
 */
enum disk_grade records_disk(struct records *records, char *ret_why);

void records_state(struct records *records, struct records_state *ret_state);

/* A record as a message whose strings are those of the record. */
struct record_message {
    Sf__CallRecord call;
    Sf__CallLeg legs[SC_RECORD_LEGS_MAX];
    Sf__CallLeg *leg_list[SC_RECORD_LEGS_MAX];
    struct attached attached;
};

void record_message(const struct sc_record *record, struct record_message *ret_message);

#endif
