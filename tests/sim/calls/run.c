/* run - run many seeds of calls over a bad network, then heal, and require that everything has
 * ended and that calls work.
 *
 *   NAME [--seeds N] [--first S] [--seed S] [--regressions FILE] [--trace] [--rows]
 *        [--expect-failure]
 *
 * Ends with "N passed, N failed" and status 0 when none failed, the first seed gave the same run
 * twice and, with --rows, every table row fired.  With --expect-failure (the build has a wrong rule
 * in it) status 0 means that a seed failed, as it must.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/calls/world.h"

struct options {
    uint64_t first, seeds;
    bool trace, rows, expect_failure;
    const char *regressions, *name;
    const struct pairing *pairing;
};

struct totals {
    uint64_t passed, failed, events, virtual_s;
    uint64_t tally[TALLIES];
    unsigned told[16];
};

static uint64_t run_seed(const struct options *o, uint64_t seed, struct totals *t)
{
    struct world *w = world_new(seed, o->trace, o->pairing);
    uint64_t hash;
    bool ok = world_run(w, w->plan.chaos_ms) && trouble_end(w);

    if (!ok)
        printf("FAILED seed %llu at %.3f s: %s\n  replay: %s --seed %llu --trace\n",
               (unsigned long long)seed, (double)w->now.ns / 1e9, w->violation, o->name,
               (unsigned long long)seed);
    t->passed += ok;
    t->failed += !ok;
    t->events += w->events;
    t->virtual_s += (uint64_t)(w->now.ns / MS / 1000) - BEGIN_MS / 1000;
    for (unsigned i = 0; i < TALLIES; i++)
        t->tally[i] += w->tally[i];
    for (unsigned i = 0; i < 16; i++)
        t->told[i] += w->told[i];
    hash = w->hash;
    world_destroy(&w);
    return hash;
}

/* The first word of each line is a seed; # begins a comment. */
static bool run_regressions(const struct options *o, struct totals *t)
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

        if (end != line)
            (void)run_seed(o, seed, t);
    }
    (void)fclose(f);
    return true;
}

static bool number(const char *text, uint64_t *ret)
{
    char *end;

    errno = 0;
    *ret = strtoull(text, &end, 0);
    return errno == 0 && end != text && *end == '\0';
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        uint64_t v = 0;

        if (strcmp(argv[i], "--trace") == 0)
            o->trace = true;
        else if (strcmp(argv[i], "--rows") == 0)
            o->rows = true;
        else if (strcmp(argv[i], "--expect-failure") == 0)
            o->expect_failure = true;
        else if (strcmp(argv[i], "--regressions") == 0 && i + 1 < argc)
            o->regressions = argv[++i];
        else if (i + 1 == argc || !number(argv[i + 1], &v))
            return false;
        else if (strcmp(argv[i], "--seeds") == 0)
            o->seeds = v, i++;
        else if (strcmp(argv[i], "--seed") == 0)
            o->first = v, o->seeds = 1, i++;
        else if (strcmp(argv[i], "--first") == 0)
            o->first = v, i++;
        else
            return false;
    }
    return true;
}

static void tell(const struct options *o, const struct totals *t)
{
    const uint64_t *n = t->tally;

    printf("%llu events, %llu virtual seconds: %llu calls made, %llu up, %u queued, %u forwarded, "
           "%llu REFERs, %llu re-INVITEs, %llu UPDATEs, %llu operations of desktops (%llu done), "
           "%llu roles lost, "
           "%llu sends failed\n",
           (unsigned long long)t->events, (unsigned long long)t->virtual_s,
           (unsigned long long)n[T_CALLS], (unsigned long long)n[T_UP], t->told[SC_CALL_QUEUED],
           t->told[SC_CALL_FORWARDED], (unsigned long long)n[T_REFERS],
           (unsigned long long)n[T_REINVITES], (unsigned long long)n[T_UPDATES],
           (unsigned long long)n[T_DESKTOPS], (unsigned long long)n[T_DONE],
           (unsigned long long)n[T_ROLES], (unsigned long long)n[T_BROKEN]);
    if (o->pairing != NULL)
        o->pairing->tell();
    printf("%llu passed, %llu failed\n", (unsigned long long)t->passed,
           (unsigned long long)t->failed);
}

int run_seeds(int argc, char **argv, const char *name, const struct pairing *pairing)
{
    struct options o = {.first = 1, .seeds = 10, .name = name, .pairing = pairing};
    struct totals t = {0}, again = {0};
    bool ok = true;

    if (!parse(argc, argv, &o)) {
        fprintf(stderr,
                "usage: %s [--seeds N] [--first S] [--seed S] [--regressions FILE] "
                "[--trace] [--rows] [--expect-failure]\n",
                name);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (o.regressions && !run_regressions(&o, &t))
        return 2;
    for (uint64_t i = 0; i < o.seeds; i++) {
        uint64_t hash = run_seed(&o, o.first + i, &t);

        if (i == 0 && !o.trace && hash != run_seed(&o, o.first, &again)) {
            printf("seed %llu gave two different runs\n", (unsigned long long)o.first);
            ok = false;
        }
        if (t.failed >= 10 || (t.failed > 0 && o.expect_failure))
            break;
    }
    if (o.rows)
        ok = rows_unfired() == 0 && ok;
    tell(&o, &t);
    if (o.expect_failure)
        return t.failed > 0 ? 0 : 1;
    return t.failed == 0 && ok ? 0 : 1;
}
