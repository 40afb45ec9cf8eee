/* pair - a kit whose core has a backup, and loses its primary again and again: every test of calls
 * is then a test of takeovers, too.
 *
 * After each step what has changed goes to the backup, whose copy must be equal; after every
 * TAKEOVER-th one the backup becomes primary, the old one comes back empty and follows.  The two
 * have their configuration in different places.
 */
#ifndef TESTS_SIPSERVER_PAIR_H
#define TESTS_SIPSERVER_PAIR_H

#include "tests/unit/sipserver/kit.h"

struct pair;

struct pair *pair_new(const struct kit *k, unsigned takeover);
void pair_free(struct pair *p);

/* pair_before - EVENT is about to happen: the backup has the same configuration.
 * pair_after - it has: the copy follows, and may take over (k->sc is the new primary then). */
void pair_before(struct pair *p, struct kit *k, const struct sc_event *event);
void pair_after(struct pair *p, struct kit *k, const struct sc_event *event);

/* pair_alone - no takeover from now on, and the backup's counters do not count. */
void pair_alone(struct pair *p);

/* pair_counter - of the core that is backup now. */
uint64_t pair_counter(const struct pair *p, const char *name);

#endif
