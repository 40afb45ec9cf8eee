/* phones - many SIP phones behind one socket, registering with digest credentials.
 *
 * Phone I belongs to user `first + I % users`; its contact's user part is "<user>p<I / users>".
 * Each phone keeps its nonce and counts its uses (RFC 7616 3.4), as a real one does: the first
 * REGISTER is challenged, a refresh is not, until the nonce is stale.  A 200 must carry the
 * phone's own contact with its expiry.
 */
#ifndef BENCH_PHONES_H
#define BENCH_PHONES_H

#include "tests/bench/tools/phase.h"
#include "tests/bench/tools/view.h"
#include "tests/bench/tools/wire.h"

struct phone;

struct phones {
    struct wire *wire;
    struct phase *phase;
    char realm[64];  /* of the accounts; the password of USER is "p<USER>" */
    char server[32]; /* address:port */
    unsigned run;    /* tells Call-IDs of different runs apart */
    long first, users;
    long phones_n;
    struct phone *phones;
    void *md5;             /* EVP_MD_CTX */
    long from, span, next; /* phones of the present phase: FROM to FROM + SPAN, in turn */
};

int phones_new(struct phones *p, long phones_n);

/* phones_register - the next phone of the phase sends its REGISTER. */
void phones_register(struct phones *p);

/* phones_answer - a response to a REGISTER. */
void phones_answer(struct phones *p, const struct view *v, const char *data, size_t len);

#endif
