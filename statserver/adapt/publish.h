/* publish - gives statistics to who subscribes: a snapshot, then what changes, numbered (ST-4), and
 * a beat each second.  Statservers of other hosts get this site's rows, and only from the primary;
 * everyone else gets all. */
#ifndef STATSERVER_ADAPT_PUBLISH_H
#define STATSERVER_ADAPT_PUBLISH_H

#include "common/component.h"
#include "statserver/core/stats.h"

#define PUBLISH_SUBSCRIBERS_MAX 32
#define PUBLISH_TURN_ORDER      1
#define PUBLISH_INTERVAL_MS     100  /* changes are gathered for so long */
#define PUBLISH_BEAT_MS         1000 /* a batch without changes */
#define PUBLISH_PART_ROWS       64 /* rows of one message, so that it stays below the codec's limit */

struct publish;

int publish_new(struct component *component, const struct stat_core *core,
                struct publish **ret_publish);
void publish_destroy(struct publish **publish);

/* publish_now - the role changed: everyone hears it at once. */
void publish_now(struct publish *publish);

#endif
