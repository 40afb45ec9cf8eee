/* json - rows and the view of the deployment as JSON, for the page and for scripts (docs in
 * statserver/README.md). */
#ifndef STATSERVER_ADAPT_JSON_H
#define STATSERVER_ADAPT_JSON_H

#include "common/component.h"
#include "statserver/adapt/view.h"
#include "statserver/core/stats.h"

#include <jansson.h>

/* json_rows - {"sites": [...], "queues": [...], "agents": [...]}: the rows that changed after SINCE
 * (0: all). */
json_t *json_rows(const struct stat_core *core, uint64_t since);

/* json_cluster - {"hosts": [...], "judgements": [...], "config": {...}, "heard_ms": N}: hamgr's
 * view. */
json_t *json_cluster(const struct view *view, mono_t now);

/* json_self - who answers: {"cluster", "site", "host", "role", "epoch", "now_ms"}. */
json_t *json_self(const struct component *component);

#endif
