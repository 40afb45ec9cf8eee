/* binding - the phones registered under each number: kept, found, in the order in which they are
 * tried, and gone when their time is over.
 *
 * Order: by q (RFC 3261 20.10), then newest first.  A binding of RFC 5626 is named by instance and
 * reg-id, any other one by its Contact URI.  One whose connection has ended is kept for flow-grace
 * (H-7): its number stays in service, but no call is offered to it.
 */
#ifndef SIPSERVER_CORE_BINDING_H
#define SIPSERVER_CORE_BINDING_H

#include "sipserver/core/state.h"

struct leg_target;

/* What names a binding. */
struct binding_name {
    struct sip_str text; /* the URI as it came, and read */
    struct sip_uri uri;
    struct sip_str instance;
    uint32_t reg_id; /* 0: not outbound */
};

void bindings_init(struct sc *sc);

/* binding_find - the binding of D with that name; NULL. */
struct binding *binding_find(const struct dn *d, const struct binding_name *name);

/* binding_here - D is registered at the very flow that EVENT's request came by: from its address,
 * port and connection, or by the proxy of its Path.  Phones behind a proxy share its flow: a
 * REGISTER there is of the phone only with the Call-ID of its registration, which nobody else knows
 * (RFC 3261 10.2.4).  NULL: it is not.
 * binding_behind_proxy - the request came by a proxy. */
const struct binding *binding_here(const struct sc *sc, const struct dn *d,
                                   const struct sip_event *event);
bool binding_behind_proxy(const struct sip_event *event);

/* binding_call_id - how the Call-ID of a REGISTER is kept. */
uint64_t binding_call_id(const struct sc *sc, const struct sip_msg *m);

/* binding_new - an empty one for D, not yet in any order; NULL: registrations-max. */
struct binding *binding_new(struct sc *sc, struct dn *d);

/* binding_set - B was registered now from SOURCE until EXPIRES: it is put in its place by q, and
 * found by its connection. */
void binding_set(struct sc *sc, struct binding *b, const struct sip_addr *source, mono_t expires);

/* binding_adopt - B is a record that another host has made: it gets its place and its timer.  Its
 * connection was that host's, and is lost. */
void binding_adopt(struct sc *sc, struct binding *b);

/* binding_set_path - PATH (may be empty) becomes the Path of B.  Asserts: it fits. */
void binding_set_path(struct sc *sc, struct binding *b, struct sip_str path);

/* binding_path - the Path of B; empty: none. */
struct sip_str binding_path(const struct sc *sc, const struct binding *b);

/* binding_drop - forget B; with the last one its number goes out of service for REASON.
 * bindings_drop_all - all of D. */
void binding_drop(struct sc *sc, struct dn *d, struct binding *b, const char *reason);
void bindings_drop_all(struct sc *sc, struct dn *d, const char *reason);

/* binding_timer - the time of B is over.  bindings_flow_lost - the connection FROM has ended.
 * binding_flow_failed - so says 430 of the flow to SOURCE that D's binding of CONTACT went over
 * (RFC 5626 7): there is a proxy between. */
void binding_timer(struct sc *sc, struct binding *b);
void bindings_flow_lost(struct sc *sc, const struct sip_addr *from);
void binding_flow_failed(struct sc *sc, struct dn *d, const struct sip_addr *source,
                         struct sip_str contact);

/* binding_lost - the longest lost of those whose connection has ended; NULL: none has. */
struct binding *binding_lost(const struct dn *d);

/* ---- calling them, one after the other ---- */

/* binding_next - the first binding of D that can be reached and TRIES does not name; NULL.  TRIES
 * may be NULL: none was tried.  binding_tried - B is being tried.  binding_instance_tried - the
 * phone itself has answered or rung: no other flow of it is tried (RFC 5626 7, N-2). */
const struct binding *binding_next(const struct sc *sc, const struct dn *d,
                                   const struct phone_tries *tries);
void binding_tried(const struct sc *sc, struct phone_tries *tries, const struct binding *b);
void binding_instance_tried(struct phone_tries *tries);

/* binding_target - where B is goes into RET_TARGET; who calls stays as it is. */
void binding_target(const struct sc *sc, const struct binding *b, struct leg_target *ret_target);

bool bindings_sane(const struct sc *sc);

#endif
