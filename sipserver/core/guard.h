/* guard - who guesses passwords: an address whose credentials were refused too often is locked out.
 *
 * Counted are refusals of credentials with a nonce that we gave to that address, so nobody can lock
 * out another by a forged source.  Two counts run: one for each (address, number), with which a
 * phone that has a wrong password locks out nothing but itself; and one for the address alone, ten
 * times as patient, against one guess at each of many numbers.  An IPv6 address counts by its /64.
 *
 * Who shares an address with one who guesses (NAT, a proxy) must not be locked out by it: a phone
 * that is registered at a flow has a third count, for (flow, number), ten times as patient.  While
 * that one is not locked, its credentials are judged whatever the others say (auth.c).
 *
 * The table has a fixed number of places, four for each key; the count that ends first makes room.
 * Pure.
 */
#ifndef SIPSERVER_CORE_GUARD_H
#define SIPSERVER_CORE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mono.h"
#include "sipserver/sip/addr.h"
#include "sipserver/sip/str.h"

struct guard_count {
    uint64_t key; /* of address and number; 0: a free place */
    mono_t ends;  /* of the window in which refusals add up, or of the lockout */
    uint32_t refused;
    bool locked;
};

struct guard {
    struct guard_count *counts;
    uint32_t n;            /* a power of two */
    mono_t last_ends;      /* the last of the counts: from then on nobody is locked out */
    const uint8_t *secret; /* HASH_SECRET_BYTES; the caller's */
};

struct guard_limits {
    uint32_t refused_max; /* within the window; 0: nobody is ever locked out */
    uint32_t window_ms;
    uint32_t lockout_ms;
};

/* guard_bytes - memory for N counts, a power of two from 4 on.  guard_init - with that memory,
 * zeroed here. */
size_t guard_bytes(uint32_t n);
void guard_init(struct guard *g, void *memory, uint32_t n, const uint8_t *secret);

/* guard_locked - true while FROM is locked out of NUMBER. */
bool guard_locked(const struct guard *g, mono_t now, const struct sip_addr *from,
                  struct sip_str number);

/* guard_flow_locked, guard_flow_refused - the same for the flow FROM, port and all, at which a
 * phone of NUMBER is registered.  SALT tells flows apart that look alike here; 0: they do not. */
bool guard_flow_locked(const struct guard *g, mono_t now, const struct sip_addr *from,
                       uint64_t salt, struct sip_str number);
bool guard_flow_refused(struct guard *g, mono_t now, const struct guard_limits *limits,
                        const struct sip_addr *from, uint64_t salt, struct sip_str number);

/* guard_refused - credentials of FROM for NUMBER were refused (NUMBER "": there is no such number).
 * Returns: true when that locks FROM out. */
bool guard_refused(struct guard *g, mono_t now, const struct guard_limits *limits,
                   const struct sip_addr *from, struct sip_str number);

#endif
