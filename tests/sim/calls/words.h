/* words - parts of the messages of a party: session descriptions, contact, what it allows, session
 * timers.
 *
 * "s=S R": S is the serial of this description, R that of the offer which it answers, 0 for an
 * offer.  So a party can tell whether what it gets belongs to what it sent, and that nobody has
 * touched it on the way; the origin (o=) and the directions of the stream are the site's to change
 * (RFC 3264 8). */
#ifndef TESTS_SIM_CALLS_WORDS_H
#define TESTS_SIM_CALLS_WORDS_H

#include "tests/sim/calls/world.h"

struct words {
    struct sip_extra extras[6];
    unsigned n;
    char expires[48];
};

struct sip_content words_sdp(struct world *w, const struct party *p, uint32_t serial,
                             uint32_t answers, char *text, size_t size);
bool words_sdp_read(const struct sip_msg *m, uint32_t *ret_serial, uint32_t *ret_answers);
struct sip_str words_contact(const struct party *p, char *text, size_t size);
void words_add(struct words *x, enum sip_header_id id, struct sip_str value);
void words_allow(const struct party *p, struct words *x);
void words_ask_timer(struct world *w, const struct party *p, struct words *x);
void words_grant_timer(struct world *w, const struct party *p, uint32_t asked, struct words *x);

#endif
