/* metrics - everything counted, in Prometheus' text format (version 0.0.4): names end in their
 * unit, counters in _total, labels are site, host, queue, agent.  `promtool check metrics` accepts
 * it. */
#ifndef STATSERVER_ADAPT_METRICS_H
#define STATSERVER_ADAPT_METRICS_H

#include "common/bus.h"
#include "common/http.h"
#include "statserver/adapt/view.h"
#include "statserver/core/stats.h"

struct metrics_source {
    const struct stat_core *core;
    const struct view *view;
    const struct http_counters *http;
    const struct bus *bus;   /* may be NULL */
    const char *site, *host; /* of this statserver */
    int64_t wall_ms;         /* now, for ages */
};

/* metrics_text - the page; free(3) it. */
char *metrics_text(const struct metrics_source *source);

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
