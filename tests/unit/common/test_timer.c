#include "common/timer.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "common/prng.h"

#define TIMERS 50000

static struct timer timers[TIMERS];

/* The naive model: what is armed, when it is due, and in which order it was armed. */
static struct model {
    int64_t due;
    uint64_t order;
    bool armed;
} model[TIMERS];

static int by_due_and_order(const void *a, const void *b)
{
    const struct model *x = &model[*(const unsigned *)a], *y = &model[*(const unsigned *)b];

    if (x->due != y->due)
        return x->due < y->due ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* Everything in the model that is due at NOW, in order; returns how many. */
static unsigned due_in_model(int64_t now, unsigned *sorted)
{
    unsigned n = 0;

    for (unsigned i = 0; i < TIMERS; i++) {
        if (model[i].armed && model[i].due <= now)
            sorted[n++] = i;
    }
    qsort(sorted, n, sizeof sorted[0], by_due_and_order);
    return n;
}

Test(timer, fifty_thousand_agree_with_a_naive_model)
{
    void *memory = malloc(timers_bytes(TIMERS));
    unsigned *sorted = malloc(TIMERS * sizeof *sorted);
    struct timers ts;
    struct prng random;
    uint64_t order = 0;
    int64_t now = 0;

    timers_init(&ts, memory, TIMERS);
    prng_init(&random, 50000);
    for (unsigned i = 0; i < TIMERS; i++)
        timer_init(&timers[i], i);
    for (int round = 0; round < 40; round++) {
        unsigned n;
        for (int op = 0; op < (round == 0 ? 4 * TIMERS : 10000); op++) {
            unsigned i = (unsigned)prng_below(&random, TIMERS);
            if (prng_below(&random, 8) == 0) {
                timer_cancel(&ts, &timers[i]);
                model[i].armed = false;
            } else {
                /* Few different moments, so that ties are many. */
                int64_t due = now + prng_between(&random, 0, 5000);
                timer_arm(&ts, &timers[i], (mono_t){due});
                model[i] = (struct model){due, ++order, true};
            }
        }
        cr_assert(timer_sane(&ts));
        now += prng_between(&random, 0, 400);
        n = due_in_model(now, sorted);
        for (unsigned i = 0; i < n; i++) {
            struct timer *t = timer_pop(&ts, (mono_t){now});
            cr_assert_not_null(t);
            cr_assert_eq(t, &timers[sorted[i]], "round %d, %u of %u", round, i, n);
            cr_assert_eq(t->kind, sorted[i]);
            cr_assert_not(timer_armed(t));
            model[sorted[i]].armed = false;
        }
        cr_assert_null(timer_pop(&ts, (mono_t){now}));
        cr_assert_gt(timer_next(&ts).ns, now);
    }
    cr_assert_gt(ts.count_max, TIMERS / 2, "the test kept many armed");
    free(sorted);
    free(memory);
}

Test(timer, nothing_armed_is_never_due)
{
    void *memory = malloc(timers_bytes(1));
    struct timers ts;
    struct timer t = {0};

    timers_init(&ts, memory, 1);
    cr_assert(mono_is_never(timer_next(&ts)));
    cr_assert_null(timer_pop(&ts, (mono_t){INT64_MAX - 1}));
    timer_cancel(&ts, &t);
    timer_arm(&ts, &t, (mono_t){5});
    cr_assert_eq(timer_next(&ts).ns, 5);
    timer_arm(&ts, &t, MONO_NEVER);
    cr_assert_not(timer_armed(&t));
    cr_assert(mono_is_never(timer_next(&ts)));
    free(memory);
}

Test(timer, is_due_exactly_at_its_moment)
{
    void *memory = malloc(timers_bytes(1));
    struct timers ts;
    struct timer t = {0};

    timers_init(&ts, memory, 1);
    timer_arm(&ts, &t, (mono_t){1000});
    cr_assert_null(timer_pop(&ts, (mono_t){999}));
    cr_assert_eq(timer_pop(&ts, (mono_t){1000}), &t);
    free(memory);
}

Test(timer, armed_again_for_later_it_is_next_only_then)
{
    void *memory = malloc(timers_bytes(3));
    struct timers ts;
    struct timer a = {0}, b = {0}, c = {0};

    timers_init(&ts, memory, 3);
    timer_arm(&ts, &a, (mono_t){5});
    timer_arm(&ts, &b, (mono_t){7});
    timer_arm(&ts, &c, (mono_t){8});
    timer_arm(&ts, &b, (mono_t){20});
    cr_assert_eq(timer_next(&ts).ns, 5);
    timer_arm(&ts, &a, (mono_t){10});
    cr_assert_eq(timer_next(&ts).ns, 8, "neither at 5 nor at 7 is anything due");
    timer_arm(&ts, &c, (mono_t){20});
    cr_assert(timer_sane(&ts));
    cr_assert_eq(timer_next(&ts).ns, 10);
    timer_cancel(&ts, &a);
    cr_assert_eq(timer_next(&ts).ns, 20);
    cr_assert_eq(timer_pop(&ts, (mono_t){20}), &b, "armed for 20 before the other");
    cr_assert_eq(timer_pop(&ts, (mono_t){20}), &c);
    free(memory);
}

Test(timer, more_than_the_capacity_is_a_bug, .signal = SIGABRT)
{
    void *memory = malloc(timers_bytes(1));
    struct timers ts;
    struct timer two[2] = {{.kind = 0}, {.kind = 1}};

    timers_init(&ts, memory, 1);
    timer_arm(&ts, &two[0], (mono_t){1});
    timer_arm(&ts, &two[1], (mono_t){1});
}
