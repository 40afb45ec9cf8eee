/* feed - brings the core what it counts: the events of this host's SIP server, and what the
 * statservers of the other hosts say about their sites.  Performs the core's actions (subscribe,
 * log). */
#ifndef STATSERVER_ADAPT_FEED_H
#define STATSERVER_ADAPT_FEED_H

#include "common/component.h"
#include "statserver/core/stats.h"

struct feed;

/* feed_new - connects to everyone; CORE must outlive it.  Returns: 0 or a negative errno, logged.
 */
int feed_new(struct component *component, struct stat_core *core, struct feed **ret_feed);
void feed_destroy(struct feed **feed);

/* feed_set_role - this host is primary, or not. */
void feed_set_role(struct feed *feed, bool primary);

#endif
