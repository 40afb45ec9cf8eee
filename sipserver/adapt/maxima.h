/* maxima - how many objects there may be, out of the options: this site's over those of all sites
 * over the defaults. Shared with `hamgr check`, which says what they cost. */
#ifndef SIPSERVER_ADAPT_MAXIMA_H
#define SIPSERVER_ADAPT_MAXIMA_H

#include "proto/config.pb-c.h"
#include "sipserver/core/core.h"

/* maxima_merge - ALL and OWN may be NULL: none configured. */
void maxima_merge(const Sf__Options *all, const Sf__Options *own, struct sc_maxima *ret_maxima);

#endif
