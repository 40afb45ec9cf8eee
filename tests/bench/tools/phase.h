/* phase - one measured piece of work: so many operations at a rate, or with so many under way; what
 * became of each.  An operation is done when every message of it has come and was right; anything
 * else is a failure, counted by its reason.
 */
#ifndef BENCH_PHASE_H
#define BENCH_PHASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/tools/latency.h"

#define PHASE_REASONS_MAX 24
#define PHASE_PATIENCE_NS INT64_C(5000000000) /* without progress; then the rest has failed */

struct phase {
    long total;
    long rate;   /* begun in a second; 0: as fast as WINDOW allows */
    long window; /* under way at once */
    long started, done, failed;
    long challenged; /* answered 401 and repeated with credentials */
    long repeats;    /* messages that had come before: retransmissions of the server */
    int64_t began_ns, progress_ns;
    struct latency ringing, answered; /* of calls: from the INVITE to the 180, to the 200 */
    unsigned reasons_n;
    struct {
        const char *text;
        long n;
    } reasons[PHASE_REASONS_MAX];
};

int64_t clock_ns(void);

void phase_begin(struct phase *p, long total, long rate, long window);

/* phase_due - how many operations may be started now. */
long phase_due(const struct phase *p, int64_t now_ns);

/* phase_wait_ns - how long to wait for the next start; negative: only for messages. */
int64_t phase_wait_ns(const struct phase *p, int64_t now_ns);

/* phase_failed - one operation failed for REASON (a constant); the first message of each reason is
 * shown on stderr. */
void phase_failed(struct phase *p, const char *reason, const char *data, size_t len);
void phase_done(struct phase *p);

/* phase_over - everything is done or failed, or nothing has moved for PHASE_PATIENCE_NS. */
bool phase_over(const struct phase *p, int64_t now_ns);

/* phase_print - one line of JSON on stdout. */
void phase_print(const struct phase *p);

#endif
