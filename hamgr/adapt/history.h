/* history - the last happenings of this hamgr, kept in memory for `hamgr events`; bounded, oldest
 * out first. */
#ifndef HAMGR_ADAPT_HISTORY_H
#define HAMGR_ADAPT_HISTORY_H

#include <jansson.h>
#include <stdint.h>

#define HISTORY_MAX 1000

struct history;

typedef void history_fn(void *arg, const json_t *event);

struct history *history_new(void);
void history_destroy(struct history **history);

/* history_add - EVENT (ownership taken) becomes the newest; its "number" is set. */
void history_add(struct history *history, json_t *event);

/* history_since - call FN for each event with a number above NUMBER, oldest first. */
void history_since(const struct history *history, uint64_t number, history_fn *fn, void *arg);

/* history_watch - FN is called with every new event; one watcher, NULL ends it. */
void history_watch(struct history *history, history_fn *fn, void *arg);

#endif
