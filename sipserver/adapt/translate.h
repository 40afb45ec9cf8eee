/* translate - configuration objects from the wire into the core's terms, for the sipserver and for
 * `hamgr check`, so that both mean the same. */
#ifndef SIPSERVER_ADAPT_TRANSLATE_H
#define SIPSERVER_ADAPT_TRANSLATE_H

#include "proto/config.pb-c.h"
#include "sipserver/core/conf.h"

/* translate_dn, translate_rule - IN as the core takes it.
 * Returns: NULL; else what the core cannot hold, in words: the schema allows no more, an older
 * writer might have. */
const char *translate_dn(const Sf__Dn *in, struct sc_dn_conf *ret_dn);
const char *translate_rule(const Sf__DialRule *in, struct sc_rule_conf *ret_rule);

/* translate_here - an object that names SITES exists at SITE. */
bool translate_here(char *const *sites, size_t n, const char *site);

#endif
