/* Call records on disk: once each, kept across a close, the oldest gone, the queue bounded. */
#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/loop.h"
#include "sipserver/adapt/records.h"

static char path[64];
static struct records_conf conf;
static struct records *records;

static void setup(void)
{
    snprintf(path, sizeof(path), "/tmp/sipserver-records.XXXXXX");
    cr_assert_not_null(mkdtemp(path));
    records_conf_default(&conf);
    conf.sync_ms = 1;
}

static void teardown(void)
{
    char command[128];

    records_destroy(&records);
    snprintf(command, sizeof(command), "rm -rf %s", path);
    cr_assert_eq(system(command), 0);
}

static void reopen(void)
{
    records_destroy(&records);
    cr_assert_eq(records_new(path, &conf, &records), 0);
}

static void add(int64_t start_ms, unsigned number)
{
    struct sc_record r = {.start_ms = start_ms, .legs_n = 1, .outcome = SC_CALL_RELEASED};

    snprintf(r.call, sizeof(r.call), "1-1-%u", number);
    records_add(records, &r);
    records_flush(records);
}

/* A page of records since SINCE_MS, behind AFTER. */
static struct records_query *page(int64_t since_ms, const char *after, uint32_t limit)
{
    struct records_query *q = calloc(1, sizeof(*q)), *answer;
    struct pollfd ready = {.fd = records_fd(records), .events = POLLIN};

    q->since_ms = since_ms;
    q->limit = limit;
    snprintf(q->after_call, sizeof(q->after_call), "%s", after);
    records_ask(records, &q);
    while ((answer = records_answer(records)) == NULL)
        cr_assert_gt(poll(&ready, 1, 5000), 0, "no answer");
    return answer;
}

static unsigned count(void)
{
    struct records_query *q = page(0, "", RECORDS_PAGE_MAX);
    unsigned n = q->n;

    cr_assert_eq(q->code, 0);
    cr_assert_not(q->more);
    records_query_free(&q);
    return n;
}

TestSuite(records, .init = setup, .fini = teardown);

Test(records, written_once_and_kept)
{
    struct records_query *q;
    int64_t now = loop_wall_ms();

    reopen();
    for (unsigned i = 0; i < 10; i++)
        add(now + i, i);
    add(now + 3, 3); /* again: the same call */
    cr_assert_eq(count(), 10);
    reopen();
    cr_assert_eq(count(), 10);
    q = page(now + 2, "", RECORDS_PAGE_MAX);
    cr_assert_eq(q->n, 8);
    cr_assert_str_eq(q->calls[0]->call, "1-1-2");
    cr_assert_str_eq(q->calls[0]->outcome, "RELEASED");
    records_query_free(&q);
}

Test(records, a_call_that_went_on_elsewhere_replaces_its_record)
{
    struct sc_record r = {.start_ms = loop_wall_ms(), .call = "1-1-1", .outcome = SC_CALL_FAILED};
    struct record_message m;
    struct records_state s = {0};
    struct records_query *q;

    conf.size_max_mib = 1;
    reopen();
    for (unsigned i = 0; i < 8000; i++) { /* far more than a MiB, were they added up */
        memset(r.reason, 'a' + (int)(i % 2), sizeof(r.reason) - 1);
        records_add(records, &r);
    }
    r.outcome = SC_CALL_RELEASED;
    record_message(&r, &m);
    records_keep(records, &m.call);
    q = page(0, "", RECORDS_PAGE_MAX);
    cr_assert_eq(q->n, 1);
    cr_assert_str_eq(q->calls[0]->outcome, "RELEASED");
    records_query_free(&q);
    records_configure(records, &conf);
    cr_assert_eq(count(), 1);
    cr_assert_eq(count(), 1, "the thread has swept before it answers again");
    records_state(records, &s);
    cr_assert_eq(s.expired, 0);
}

Test(records, pages_meet_without_gap_also_within_one_moment)
{
    int64_t since = loop_wall_ms(), moment = since;
    char after[SC_CALL_ID_SIZE] = "";
    unsigned seen = 0;
    bool more = true;

    reopen();
    for (unsigned i = 0; i < 25; i++)
        add(moment, 100 + i);
    while (more) {
        struct records_query *q = page(since, after, 10);

        seen += q->n;
        more = q->more;
        since = q->calls[q->n - 1]->start_ms;
        snprintf(after, sizeof(after), "%s", q->calls[q->n - 1]->call);
        records_query_free(&q);
    }
    cr_assert_eq(seen, 25);
}

/* SWEPT records have gone. */
static void wait_expired(uint64_t swept)
{
    struct records_state s = {0};

    for (unsigned i = 0; i < 500 && s.expired < swept; i++) {
        records_state(records, &s);
        usleep(10000);
    }
    cr_assert_eq(s.expired, swept, "%llu", (unsigned long long)s.expired);
}

Test(records, the_old_ones_go)
{
    int64_t now = loop_wall_ms();

    reopen();
    add(now - 7200000, 1);
    add(now - 7100000, 2);
    add(now, 3);
    cr_assert_eq(count(), 3);
    conf.keep_s = 3600;
    records_configure(records, &conf);
    wait_expired(2);
    cr_assert_eq(count(), 1);
}

Test(records, too_many_and_the_oldest_go)
{
    struct sc_record r = {.legs_n = SC_RECORD_LEGS_MAX, .outcome = SC_CALL_RELEASED};
    struct records_state s = {0};
    struct records_query *q;

    memset(r.reason, 'r', sizeof(r.reason) - 1);
    memset(r.caller, 'c', sizeof(r.caller) - 1);
    conf.size_max_mib = 1;
    reopen();
    for (unsigned i = 0; i < 8000; i++) {
        r.start_ms = loop_wall_ms() - 100000 + i;
        snprintf(r.call, sizeof(r.call), "1-1-%u", i);
        records_add(records, &r);
    }
    records_flush(records);
    for (unsigned i = 0; i < 500 && s.written < 8000; i++) {
        records_state(records, &s);
        usleep(10000);
    }
    records_configure(records, &conf);
    for (uint64_t before = 1; s.expired <= 1000 || s.expired != before;) { /* until it rests */
        before = s.expired;
        usleep(300000);
        records_state(records, &s);
    }
    cr_assert_lt(s.expired, 8000);
    q = page(0, "", 1);
    snprintf(r.call, sizeof(r.call), "1-1-%llu", (unsigned long long)s.expired);
    cr_assert_str_eq(q->calls[0]->call, r.call, "the oldest went: %s", q->calls[0]->call);
    records_query_free(&q);
}

/* A store that cannot be opened: nothing blocks, what is too much is counted, and all is well when
 * it can. */
Test(records, a_disk_that_refuses_costs_what_the_queue_cannot_hold)
{
    char file[96];
    struct records_state s = {0};

    conf.queue_max = 10;
    snprintf(file, sizeof(file), "%s/records", path);
    fclose(fopen(file, "w"));
    cr_assert_eq(records_new(file, &conf, &records), 0);
    for (unsigned i = 0; i < 15; i++)
        add(loop_wall_ms(), i);
    for (unsigned i = 0; i < 300 && s.error[0] == '\0'; i++) {
        records_state(records, &s);
        usleep(10000);
    }
    cr_assert_str_not_empty(s.error);
    cr_assert_eq(s.lost, 5);
    cr_assert_eq(s.waiting, 10);
    cr_assert_eq(unlink(file), 0);
    for (unsigned i = 0; i < 500 && s.waiting != 0; i++) {
        records_state(records, &s);
        usleep(10000);
    }
    cr_assert_eq(s.written, 10);
    cr_assert_str_empty(s.error);
    cr_assert_eq(count(), 10);
}
