/* token - our tags, branches and Call-IDs: they carry the epoch that made them, the id of the
 * object they belong to, a serial and a short MAC.  A new primary recognises answers to its
 * predecessor's requests and finds the call without a table; a forged or foreign one is refused.
 *
 *     e12.7f3a.1.9c0d5e6f7a8b       epoch . object . serial . MAC (48 bits), all hexadecimal
 *
 * The MAC covers the kind too, so that a tag cannot be replayed as a branch.
 */
#ifndef SIPSERVER_SIP_TOKEN_H
#define SIPSERVER_SIP_TOKEN_H

#include "common/hash.h"
#include "sipserver/sip/limits.h"
#include "sipserver/sip/str.h"

struct sip_buf;

/* The secret of a site, the same at both hosts: for tokens and for the keys of all tables that are
 * filled by strangers. */
struct sip_key {
    uint8_t secret[HASH_SECRET_BYTES];
};

enum sip_token_kind { SIP_TOKEN_TAG = 't', SIP_TOKEN_BRANCH = 'b', SIP_TOKEN_CALL_ID = 'c' };

struct sip_token {
    uint64_t epoch;
    uint64_t object;
    uint32_t serial;
};

/* sip_token_put - append the text of T; a branch gets its magic cookie (RFC 3261 8.1.1.7). */
void sip_token_put(struct sip_buf *b, struct sip_key key, enum sip_token_kind kind,
                   struct sip_token t);

/* sip_token_make - the same into TEXT; returns a slice of TEXT. */
struct sip_str sip_token_make(struct sip_key key, enum sip_token_kind kind, struct sip_token t,
                              char text[SIP_TOKEN_MAX]);

/* sip_token_read - the token in S (for a Call-ID: its part before '@').
 * Returns: 0; -ENOENT not of our form; -EBADMSG our form, but the MAC is wrong. */
int sip_token_read(struct sip_key key, enum sip_token_kind kind, struct sip_str s,
                   struct sip_token *ret_token);

#endif
