/* conf - the configuration from the wire to the core: options of the site over those of all sites
 * over the defaults, DNs of this site only, everything as flat values (core/conf.h).
 *
 * The maxima in the options size the core's memory.  They are known only when the first snapshot is
 * whole: until then its objects are kept, then the core is made anew and gets them.  Later changes
 * of a maximum need a restart, which is said.
 */
#ifndef SIPSERVER_ADAPT_CONF_H
#define SIPSERVER_ADAPT_CONF_H

#include "common/component.h"

struct server;
struct conf;

int conf_new(struct server *server, const char *site, const char *cluster, struct conf **ret_conf);
void conf_destroy(struct conf **conf);

/* The hooks of common/component. */
void conf_reset(struct component *component);
void conf_change(struct component *component, const Sf__ConfChange *change);
void conf_loaded(struct component *component, uint64_t epoch, uint64_t txid);

#endif
