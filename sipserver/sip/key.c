/* The keys under which transactions are found: RFC 3261 17.1.3, 17.2.3, 8.2.2.2, hashed under the
 * site's secret. */
#include "sipserver/sip/transaction.h"

#include <assert.h>
#include <string.h>

/* One number out of several parts, none of which can run into its neighbour: each is hashed alone.
 */
struct mix {
    const struct sip_stack *stack;
    uint64_t words[8];
    unsigned n;
};

static void mix_number(struct mix *x, uint64_t number)
{
    assert(x->n < 8);
    x->words[x->n++] = number;
}

static void mix_str(struct mix *x, struct sip_str s)
{
    mix_number(x, siphash24(x->stack->conf.key.secret, s.len > 0 ? s.p : "", s.len));
}

static uint64_t mix_end(const struct mix *x)
{
    return siphash24(x->stack->conf.key.secret, x->words, x->n * sizeof(x->words[0]));
}

enum { KEY_CLIENT, KEY_SERVER, KEY_SERVER_2543, KEY_MERGE };

/* True for a branch that identifies a transaction: the cookie and something after it (8.1.1.7). */
static bool branch_is_3261(struct sip_str branch)
{
    return branch.len > 7 && memcmp(branch.p, "z9hG4bK", 7) == 0;
}

uint64_t txn_client_key(const struct sip_stack *s, struct sip_str branch, struct sip_str method)
{
    struct mix x = {.stack = s};

    mix_number(&x, KEY_CLIENT);
    mix_str(&x, branch);
    mix_str(&x, method);
    return mix_end(&x);
}

/* 17.2.3: branch, sent-by and method; for a peer of RFC 2543 the Request-URI, From tag, Call-ID,
 * CSeq and the top Via.  (Its To tag tells no two apart that the CSeq does not, and an ACK's
 * differs from the INVITE's.) */
uint64_t txn_server_key(const struct sip_stack *s, const struct sip_msg *m, enum sip_method method)
{
    struct mix x = {.stack = s};
    struct sip_str name =
        method != SIP_METHOD_OTHER ? sip_str_of(sip_method_name(method)) : m->method_name;

    if (branch_is_3261(m->via.branch)) {
        mix_number(&x, KEY_SERVER);
        mix_str(&x, m->via.branch);
        mix_str(&x, m->via.host);
        mix_number(&x, m->via.port);
    } else {
        mix_number(&x, KEY_SERVER_2543);
        mix_str(&x, m->uri_text);
        mix_str(&x, m->from.tag);
        mix_str(&x, m->call_id);
        mix_number(&x, m->cseq.number);
        mix_str(&x, m->via.text);
    }
    mix_str(&x, name);
    return mix_end(&x);
}

uint64_t txn_merge_key(const struct sip_stack *s, const struct sip_msg *m, enum sip_method method)
{
    struct mix x = {.stack = s};

    mix_number(&x, KEY_MERGE);
    mix_number(&x, method);
    mix_str(&x, m->call_id);
    mix_str(&x, m->from.tag);
    mix_number(&x, m->cseq.number);
    return mix_end(&x);
}
