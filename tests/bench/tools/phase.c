#include "tests/bench/tools/phase.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void phase_begin(struct phase *p, long total, long rate, long window)
{
    memset(p, 0, sizeof(*p));
    p->total = total;
    p->rate = rate;
    p->window = window;
    p->began_ns = p->progress_ns = clock_ns();
}

static long under_way(const struct phase *p)
{
    return p->started - p->done - p->failed;
}

long phase_due(const struct phase *p, int64_t now_ns)
{
    long due = p->total - p->started, room = p->window - under_way(p);

    if (p->rate > 0) {
        long by_now = (long)((double)(now_ns - p->began_ns) * (double)p->rate / 1e9) + 1;

        if (by_now - p->started < due)
            due = by_now - p->started;
    }
    if (room < due)
        due = room;
    return due > 0 ? due : 0;
}

int64_t phase_wait_ns(const struct phase *p, int64_t now_ns)
{
    int64_t at;

    if (p->rate == 0 || p->started >= p->total || under_way(p) >= p->window)
        return -1;
    at = p->began_ns + (int64_t)((double)p->started * 1e9 / (double)p->rate);
    return at > now_ns ? at - now_ns : 0;
}

void phase_failed(struct phase *p, const char *reason, const char *data, size_t len)
{
    unsigned i = 0;

    p->failed++;
    while (i < p->reasons_n && strcmp(p->reasons[i].text, reason) != 0)
        i++;
    if (i == PHASE_REASONS_MAX)
        return;
    if (i == p->reasons_n) {
        p->reasons[i].text = reason;
        p->reasons_n++;
        fprintf(stderr, "sipload: %s\n%.*s\n", reason, (int)len, data);
    }
    p->reasons[i].n++;
}

void phase_done(struct phase *p)
{
    p->done++;
    p->progress_ns = clock_ns();
}

bool phase_over(const struct phase *p, int64_t now_ns)
{
    return p->done + p->failed >= p->total || now_ns - p->progress_ns > PHASE_PATIENCE_NS;
}

void phase_print(const struct phase *p)
{
    long silent = p->total - p->done - p->failed;

    printf(
        "{\"total\": %ld, \"done\": %ld, \"failed\": %ld, \"challenged\": %ld, \"repeats\": %ld, "
        "\"seconds\": %.6f, ",
        p->total, p->done, p->total - p->done, p->challenged, p->repeats,
        (double)(p->progress_ns - p->began_ns) / 1e9);
    latency_print(&p->ringing, "ringing");
    latency_print(&p->answered, "answered");
    printf("\"reasons\": {");
    if (silent > 0)
        printf("\"no answer\": %ld%s", silent, p->reasons_n > 0 ? ", " : "");
    for (unsigned i = 0; i < p->reasons_n; i++)
        printf("%s\"%s\": %ld", i > 0 ? ", " : "", p->reasons[i].text, p->reasons[i].n);
    printf("}}\n");
    fflush(stdout);
}
