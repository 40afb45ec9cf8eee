/* resolver - looks up the names of trunks (RFC 3263: SRV, A, AAAA) by c-ares inside the loop, and
 * tells the core what DNS says, again whenever that may have changed.
 *
 * It only asks; which address is used is the core's business (sipserver/core/hops.h).  Answers are
 * asked for anew when four fifths of their time to live are over, which dns-ttl-min and dns-ttl-max
 * bound.  While nobody answers, the last good answer stays and the question is repeated each
 * dns-ttl-min; the same holds for each target of an SRV set by itself.
 */
#ifndef SIPSERVER_ADAPT_RESOLVER_H
#define SIPSERVER_ADAPT_RESOLVER_H

#include "sipserver/adapt/server.h"

#define RESOLVER_SERVERS_SIZE 512

struct resolver;

struct resolver_conf {
    uint32_t ttl_min_s;
    uint32_t ttl_max_s;
    uint32_t timeout_ms;                 /* of one question to one server */
    char servers[RESOLVER_SERVERS_SIZE]; /* "192.0.2.53,192.0.2.54:5353"; "": the system's */
};

void resolver_conf_default(struct resolver_conf *conf);

/* Returns: 0; negative errno. */
int resolver_new(struct server *server, struct resolver **ret_resolver);
void resolver_destroy(struct resolver **resolver);

/* resolver_configure - CONF holds from now on; other servers are asked at once. */
void resolver_configure(struct resolver *resolver, const struct resolver_conf *conf);

/* resolver_want - as the core's SC_ACT_RESOLVE says. */
void resolver_want(struct resolver *resolver, const struct sc_resolve *wanted);

/* resolver_names - NAMES are those that DNS says ADDR has: at most MAX names of trunks, without
 * those that are only aliases in between (SRV targets).  Good until the next call of another
 * function here.  Returns: how many. */
unsigned resolver_names(const struct resolver *resolver, const struct sip_addr *addr,
                        const char *names[], unsigned max);

#endif
