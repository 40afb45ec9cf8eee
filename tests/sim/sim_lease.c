/* sim_lease - run many seeds of chaos over the real ham cores, then heal and require service.
 *
 *   sim_lease [--seeds N] [--first S] [--seed S] [--seconds T] [--bound MS] [--regressions FILE]
 *             [--trace] [--expect-failure]
 *
 * Ends with "N passed, N failed" and status 0 when none failed and every table row fired (rows are
 * counted over all seeds; a single --seed is not held to that).  With --expect-failure (the build
 * has a wrong rule in it) status 0 means that a seed failed, as it must.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

struct options {
    uint64_t first, seeds;
    int64_t seconds, bound_ms;
    bool one, trace, expect_failure;
    const char *regressions;
};

/* Names of rows, from the tables; an IGNORE need not fire. */
static const char *const row_names[MACHINES_MAX][96] = {
    [MACHINE_VOTE] =
        {
#define ROW(from, event, guard, to, action, why, source) "vote " #from " " #event " " #guard,
#define IGNORE(from, event, why, source)                 NULL,
#include "hamgr/core/vote.tbl.h"
        },
    [MACHINE_LEASE] =
        {
#define ROW(from, event, guard, to, action, why, source) "lease " #from " " #event " " #guard,
#define IGNORE(from, event, why, source)                 NULL,
#include "hamgr/core/lease.tbl.h"
        },
    [MACHINE_SITE] =
        {
#define ROW(from, event, guard, to, action, why, source) "site " #from " " #event " " #guard,
#define IGNORE(from, event, why, source)                 NULL,
#include "hamgr/core/site.tbl.h"
        },
    [MACHINE_SUPERVISE] =
        {
#define ROW(from, event, guard, to, action, why, source) "supervise " #from " " #event " " #guard,
#define IGNORE(from, event, why, source)                 NULL,
#include "hamgr/core/supervise.tbl.h"
        },
};

static bool run_seed(const struct options *o, uint64_t seed, struct sim_coverage *coverage,
                     uint64_t *events)
{
    struct sim *s = sim_new(seed, NULL, o->trace);
    s->coverage = coverage;
    const char *how = NULL;
    if (!chaos_run(s, o->seconds * 1000))
        how = s->violation;
    else if (!chaos_heal(s, o->bound_ms))
        how = s->violation[0] ? s->violation : "no service within the bound after healing";
    if (how)
        printf("FAILED seed %llu: %s\n  replay: sim_lease --seed %llu --seconds %lld --trace\n",
               (unsigned long long)seed, how, (unsigned long long)seed, (long long)o->seconds);
    *events += s->events;
    sim_destroy(&s);
    return !how;
}

/* The first word of each line is a seed; # begins a comment. */
static bool run_regressions(const struct options *o, struct sim_coverage *coverage,
                            uint64_t *passed, uint64_t *failed, uint64_t *events)
{
    char line[512];
    FILE *f = fopen(o->regressions, "r");
    if (!f) {
        perror(o->regressions);
        return false;
    }
    while (fgets(line, sizeof line, f)) {
        char *end;
        unsigned long long seed = strtoull(line, &end, 0);
        if (end == line)
            continue;
        if (run_seed(o, seed, coverage, events))
            (*passed)++;
        else
            (*failed)++;
    }
    (void)fclose(f);
    return true;
}

static unsigned rows_unfired(const struct sim_coverage *coverage)
{
    unsigned n = 0, rows = 0;
    for (int m = 0; m < MACHINES_MAX; m++)
        for (int r = 0; r < 96; r++) {
            rows += row_names[m][r] != NULL;
            if (row_names[m][r] && coverage->fired[m][r] == 0) {
                printf("row never fired: %s\n", row_names[m][r]);
                n++;
            }
        }
    printf("rows: %u, never fired: %u\n", rows, n);
    return n;
}

static bool number(const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 0);
    if (errno || end == text || *end)
        return false;
    *ret = v;
    return true;
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        uint64_t v = 0;
        if (strcmp(argv[i], "--trace") == 0)
            o->trace = true;
        else if (strcmp(argv[i], "--expect-failure") == 0)
            o->expect_failure = true;
        else if (strcmp(argv[i], "--regressions") == 0 && i + 1 < argc)
            o->regressions = argv[++i];
        else if (i + 1 == argc || !number(argv[i + 1], &v))
            return false;
        else if (strcmp(argv[i], "--seeds") == 0)
            o->seeds = v, i++;
        else if (strcmp(argv[i], "--seed") == 0)
            o->first = v, o->seeds = 1, o->one = true, i++;
        else if (strcmp(argv[i], "--first") == 0)
            o->first = v, i++;
        else if (strcmp(argv[i], "--seconds") == 0)
            o->seconds = (int64_t)v, i++;
        else if (strcmp(argv[i], "--bound") == 0)
            o->bound_ms = (int64_t)v, i++;
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {.first = 1, .seeds = 1000, .seconds = 60, .bound_ms = 30000};
    struct sim_coverage *coverage = calloc(1, sizeof *coverage);
    uint64_t passed = 0, failed = 0, events = 0;

    if (!coverage || !parse(argc, argv, &o)) {
        fprintf(stderr, "usage: sim_lease [--seeds N] [--first S] [--seed S] [--seconds T] "
                        "[--bound MS] [--regressions FILE] [--trace] [--expect-failure]\n");
        free(coverage);
        return 2;
    }
    if (o.regressions && !run_regressions(&o, coverage, &passed, &failed, &events))
        return 2;
    for (uint64_t i = 0; i < o.seeds; i++) {
        if (run_seed(&o, o.first + i, coverage, &events))
            passed++;
        else
            failed++;
        if (failed >= 10 || (failed && o.expect_failure))
            break;
    }
    bool rows_ok = o.one || o.expect_failure || rows_unfired(coverage) == 0;
    free(coverage);
    printf("%llu events in %llu runs of %lld virtual seconds\n", (unsigned long long)events,
           (unsigned long long)(passed + failed), (long long)o.seconds);
    printf("%llu passed, %llu failed\n", (unsigned long long)passed, (unsigned long long)failed);
    if (o.expect_failure)
        return failed ? 0 : 1;
    return failed || !rows_ok ? 1 : 0;
}
