#include "hamgr/adapt/history.h"

#include <stdlib.h>

struct history {
    json_t *ring[HISTORY_MAX];
    uint64_t last;
    history_fn *fn;
    void *arg;
};

struct history *history_new(void)
{
    return calloc(1, sizeof(struct history));
}

void history_destroy(struct history **history)
{
    if (*history == NULL)
        return;
    for (unsigned i = 0; i < HISTORY_MAX; i++)
        json_decref((*history)->ring[i]);
    free(*history);
    *history = NULL;
}

void history_add(struct history *h, json_t *event)
{
    json_t **place;

    if (event == NULL)
        return;
    h->last++;
    place = &h->ring[h->last % HISTORY_MAX];
    json_object_set_new(event, "number", json_integer((json_int_t)h->last));
    json_decref(*place);
    *place = event;
    if (h->fn != NULL)
        h->fn(h->arg, event);
}

void history_since(const struct history *h, uint64_t number, history_fn *fn, void *arg)
{
    uint64_t first = h->last > HISTORY_MAX ? h->last - HISTORY_MAX + 1 : 1;

    if (number + 1 > first)
        first = number + 1;
    for (uint64_t n = first; n <= h->last; n++)
        fn(arg, h->ring[n % HISTORY_MAX]);
}

void history_watch(struct history *h, history_fn *fn, void *arg)
{
    h->fn = fn;
    h->arg = arg;
}
