#include "common/pool.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

struct thing {
    char text[13]; /* an odd size, so that rounding matters */
};

static void *memory;

static void make(struct pool *p, uint32_t count)
{
    memory = malloc(pool_bytes(count, sizeof(struct thing)));
    pool_init(p, memory, count, sizeof(struct thing));
}

Test(pool, gives_each_object_once_then_refuses_and_counts)
{
    struct pool p;
    struct thing *things[5];

    make(&p, 5);
    for (uint32_t i = 0; i < 5; i++) {
        things[i] = pool_take(&p, NULL);
        cr_assert_not_null(things[i]);
        cr_assert_eq((uintptr_t)things[i] % POOL_ALIGN, 0);
        memset(things[i], 'x', sizeof *things[i]);
        for (uint32_t j = 0; j < i; j++)
            cr_assert_neq(things[i], things[j]);
    }
    cr_assert_null(pool_take(&p, NULL));
    cr_assert_eq(p.refused, 1);
    cr_assert_eq(p.used, 5);
    cr_assert_eq(pool_free(&p), 0);
    pool_put(&p, things[2]);
    cr_assert_eq(p.used, 4);
    cr_assert_eq(p.used_max, 5);
    cr_assert_eq(pool_take(&p, NULL), things[2]);
    cr_assert_eq(things[2]->text[0], 0, "an object comes zeroed");
    free(memory);
}

Test(pool, stale_handle_is_recognised)
{
    struct pool p;
    handle_t first, second;
    void *a, *b;

    make(&p, 1);
    a = pool_take(&p, &first);
    cr_assert_eq(pool_get(&p, first), a);
    cr_assert(handle_equal(pool_handle(&p, a), first));
    pool_put(&p, a);
    cr_assert_null(pool_get(&p, first), "given back");
    b = pool_take(&p, &second);
    cr_assert_eq(a, b);
    cr_assert_null(pool_get(&p, first), "the next tenant is another one");
    cr_assert_eq(pool_get(&p, second), b);
    cr_assert_null(pool_get(&p, HANDLE_NONE));
    cr_assert_null(pool_get(&p, (handle_t){7, 1}), "beyond the pool");
    cr_assert(handle_is_none(HANDLE_NONE));
    cr_assert_not(handle_is_none(second));
    free(memory);
}

Test(pool, generation_wraps_past_the_value_that_names_nothing)
{
    struct pool p;
    handle_t h;

    make(&p, 1);
    p.slots[0].generation = UINT32_MAX;
    cr_assert_not_null(pool_take(&p, &h));
    cr_assert_eq(h.generation, 1);
    free(memory);
}

Test(pool, walks_what_is_in_use_in_order)
{
    struct pool p;
    void *things[4], *seen = NULL;

    make(&p, 4);
    for (int i = 0; i < 4; i++)
        things[i] = pool_take(&p, NULL);
    pool_put(&p, things[1]);
    cr_assert_null(pool_at(&p, 1));
    cr_assert_eq(pool_at(&p, 2), things[2]);
    cr_assert_eq(pool_index(&p, things[3]), 3);
    cr_assert_eq(seen = pool_next(&p, seen), things[0]);
    pool_put(&p, things[0]);
    cr_assert_eq(seen = pool_next(&p, seen), things[2], "the previous one may have gone meanwhile");
    cr_assert_eq(seen = pool_next(&p, seen), things[3]);
    cr_assert_null(pool_next(&p, seen));
    free(memory);
}

Test(pool, empty_pool_refuses)
{
    struct pool p;

    make(&p, 0);
    cr_assert_null(pool_take(&p, NULL));
    cr_assert_null(pool_next(&p, NULL));
    free(memory);
}

Test(pool, giving_back_twice_is_a_bug, .signal = SIGABRT)
{
    struct pool p;
    void *a;

    make(&p, 2);
    a = pool_take(&p, NULL);
    pool_put(&p, a);
    pool_put(&p, a);
}
