/* answer - final answers to requests that no call or registration keeps, each counted by its
 * reason. */
#ifndef SIPSERVER_CORE_ANSWER_H
#define SIPSERVER_CORE_ANSWER_H

#include "sipserver/core/state.h"

/* answer_status - STATUS without further ado, counted as WHY (CORE_COUNTS: not counted). */
void answer_status(struct sc *sc, const struct sip_event *event, unsigned status,
                   enum core_count why);

/* answer_busy - 503 with a jittered Retry-After; answer_later - STATUS with it. */
void answer_busy(struct sc *sc, const struct sip_event *event, enum core_count why);
void answer_later(struct sc *sc, const struct sip_event *event, unsigned status,
                  enum core_count why);

/* retry_after - the value of a Retry-After, in TEXT. */
struct sip_str retry_after(struct sc *sc, char text[4]);

/* answer_overlap - 500 with a jittered Retry-After: another request of the same party is under way
 * (RFC 3261 14.2, RFC 3311 5.2). */
void answer_overlap(struct sc *sc, const struct sip_event *event);

/* answer_method - 405 with Allow; 501 when nobody here knows the method (RFC 3261 8.2.1). */
void answer_method(struct sc *sc, const struct sip_event *event);

/* answer_extension - 420 when Require names an option that we do not have; false: it does not. */
bool answer_extension(struct sc *sc, const struct sip_event *event);

/* answer_allow, answer_supported - values of Allow and Supported. */
struct sip_str answer_allow(void);
struct sip_str answer_supported(void);

/* answer_content - of a new call: 415 when its body is of another type than SDP or multipart, or
 * encoded (RFC 3261 8.2.3); 406 when the caller would take no SDP.  False: neither. */
bool answer_content(struct sc *sc, const struct sip_event *event);

/* answer_options - an OPTIONS: 200, or 420 (RFC 3261 11.2). */
void answer_options(struct sc *sc, const struct sip_event *event);

/* own_uri - "sip:host:port" of the site, or "sip:USER@host:port". */
struct sip_str own_uri(const struct sc *sc, struct sip_str user, char *text, size_t size);

/* own_contact - where a party at PEER reaches us: by the transport that we reach it by. */
struct sip_str own_contact(const struct sc *sc, const struct sip_addr *peer, char *text,
                           size_t size);

#endif
