/* calls - both ends of many calls: a gateway that calls, and the phones that answer.
 *
 *     gateway            server under test            phone
 *        | INVITE ------------>|--------------------->|
 *        |<--- 180 (100 before)|<------------------ 180
 *        |<-------------- 200 -|<------------------ 200
 *        | ACK --------------->|--------------------->|     (a proxy relays it, a B2BUA sends its
 * own) |        ... hold ... |                      | | BYE
 * --------------->|--------------------->|
 *        |<-------------- 200 -|<------------------ 200
 *
 * The body carries the number of the call through the server, untouched; a call is good when both
 * ends have seen every message, in order, with the right identities and the other's body.
 */
#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

#include "tests/bench/tools/phase.h"
#include "tests/bench/tools/view.h"
#include "tests/bench/tools/wire.h"

struct one_call;

struct calls {
    struct wire *gateway, *phones;
    struct phase *phase;
    char server[32];
    unsigned run;
    long first, users; /* call I is for user FIRST + I % USERS */
    int64_t hold_ns;   /* from the answer to BYE; negative: until calls_release */
    bool releasing;

    struct one_call *calls;
    long calls_n;
    long *to_end; /* answered calls in order of their BYE; a ring of calls_n */
    long end_first, end_last;
};

/* calls_new - room for CALLS_N calls, numbered from 0, none begun.  What was there is freed. */
int calls_new(struct calls *c, long calls_n);

void calls_invite(struct calls *c);

/* calls_hang_up - send the BYEs that are due.  Returns: ns until the next; negative: none. */
int64_t calls_hang_up(struct calls *c, int64_t now_ns);

/* calls_release - the next held call ends; the phase counts it. */
void calls_release(struct calls *c);

/* What came in at the gateway's and at the phones' socket. */
void calls_at_gateway(struct calls *c, const struct view *v, const char *data, size_t len);
void calls_at_phones(struct calls *c, const struct view *v, const char *data, size_t len);

#endif
