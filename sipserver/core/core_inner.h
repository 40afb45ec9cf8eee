/* core_inner - what the files of the core's step share: core.c (the step), core_init.c (memory and
 * first state), core_sip.c (who takes a message) and core_conf.c (role and configuration).  For
 * nobody else.
 */
#ifndef SIPSERVER_CORE_CORE_INNER_H
#define SIPSERVER_CORE_CORE_INNER_H

#include "sipserver/core/core.h"
#include "sipserver/core/state.h"

/* core_serving - this host is primary and has its configuration. */
bool core_serving(const struct sc *sc);

/* core_new_stack - a SIP stack that knows of nothing, under the present epoch. */
void core_new_stack(struct sc *sc);

/* core_datagram - a datagram has come, or a message of a stream.
 * core_sip - what the SIP stack says of a message or a transaction. */
void core_datagram(struct sc *sc, const struct sc_event *event);
void core_sip(struct sc *sc, const struct sip_event *event);

/* source_limits - how much an address may ask, as the options say. */
struct source_limits source_limits(const struct sc *sc);

/* core_role - this host is primary, or not, of an epoch. */
void core_role(struct sc *sc, const struct sc_event *event);

/* core_conf_loaded - the configuration has come whole: what it did not name goes.
 * core_options_apply - the options are as in sc->options now. */
void core_conf_loaded(struct sc *sc);
void core_options_apply(struct sc *sc);

/* core_conf_dn, core_conf_agent - one of them is new, changed or deleted.
 * core_resolved - the addresses of a trunk's name. */
void core_conf_dn(struct sc *sc, const struct sc_event *event);
void core_conf_agent(struct sc *sc, const struct sc_event *event);
void core_resolved(struct sc *sc, const struct sc_event *event);

#endif
