/* page - the HTTP side: the status page, its live events, JSON, metrics, health.
 *
 *   GET /             the status page        GET /api/state   everything, one JSON document
 *   GET /events       server-sent events     GET /metrics     Prometheus
 *   GET /healthz      200 while the loop turns
 *
 * On the host's address always, and on the site address too while this host is primary. */
#ifndef STATSERVER_ADAPT_PAGE_H
#define STATSERVER_ADAPT_PAGE_H

#include "common/component.h"
#include "statserver/adapt/view.h"
#include "statserver/core/stats.h"

#define PAGE_CLIENTS_MAX 256
#define PAGE_TURN_ORDER  2          /* after the publisher */
#define PAGE_INTERVAL_MS 250        /* changes are gathered for so long */
#define PAGE_BEAT_MS     1000       /* a page that hears nothing for three of these says so */
#define PAGE_RETRY_MS    500        /* the site address is still held elsewhere: try again */
#define PAGE_STREAM_MAX  (8u << 20) /* bytes: the whole state of 10,000 agents fits */

struct page;

/* page_new - listens on the host's address.  Returns: 0 or a negative errno, logged. */
int page_new(struct component *component, const struct stat_core *core, const struct view *view,
             struct page **ret_page);
void page_destroy(struct page **page);

/* page_set_role - opens or closes the site address. */
void page_set_role(struct page *page, bool primary);
/* page_view_changed - hamgr told something: tell the pages. */
void page_view_changed(struct page *page);

#endif
