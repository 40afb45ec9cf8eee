/* kit - what the tests of the protocol floor share: messages written with \n line ends, slices as
 * text, and a stack with its memory, virtual time and a reader of what it sends. */
#ifndef TESTS_UNIT_SIP_KIT_H
#define TESTS_UNIT_SIP_KIT_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sipserver/sip/sip.h"

#define assert_str(slice, text)                                                                    \
    cr_assert(sip_str_eq((slice), sip_str_of(text)), "'%.*s' is not '%s'", (int)(slice).len,       \
              (slice).p, (text))

/* wire - TEXT with CR LF line ends, in a block of exactly its size so that a read beyond it is
 * seen. */
static inline char *wire(const char *text, size_t *ret_len)
{
    size_t n = 0;
    char *data;

    for (const char *p = text; *p != '\0'; p++)
        n += *p == '\n' ? 2 : 1;
    data = malloc(n > 0 ? n : 1);
    n = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\n')
            data[n++] = '\r';
        data[n++] = *p;
    }
    *ret_len = n;
    return data;
}

static inline struct sip_addr address(const char *host, uint16_t port)
{
    struct sip_addr a;

    cr_assert_eq(sip_addr_parse(sip_str_of(host), port, SIP_UDP, &a), 0);
    return a;
}

struct kit {
    struct sip_stack_conf conf;
    struct sip_stack *stack;
    void *memory;
    mono_t now;
    struct sip_out out;
    struct sip_dgram items[64];
    char arena[256 * 1024];
    struct sip_event event;
    struct sip_event events[16];
    unsigned events_n;
    char *datagram;      /* of the last kit_in: event.msg points into it */
    struct sip_msg sent; /* the last message that kit_sent read */
};

static inline void kit_open(struct kit *k)
{
    k->memory = calloc(1, sip_stack_size(&k->conf));
    k->stack = sip_stack_init(k->memory, &k->conf);
    k->now = (mono_t){1000 * MONO_NS_PER_MS};
    sip_out_init(&k->out, k->items, 64, k->arena, sizeof(k->arena));
}

static inline struct kit *kit_new(void)
{
    struct kit *k = calloc(1, sizeof(*k));

    sip_stack_conf_default(&k->conf);
    k->conf.server_max = 32;
    k->conf.client_max = 32;
    k->conf.epoch = 7;
    strcpy(k->conf.sent_by[0], "10.0.0.1:5060");
    memcpy(k->conf.key.secret, "0123456789abcdef", 16);
    kit_open(k);
    return k;
}

/* kit_reopen - a fresh stack after a change of k->conf. */
static inline void kit_reopen(struct kit *k)
{
    free(k->memory);
    kit_open(k);
}

static inline void kit_free(struct kit *k)
{
    cr_assert(sip_sane(k->stack));
    free(k->datagram);
    free(k->memory);
    free(k);
}

/* kit_in_from - a datagram comes in; what is sent for it replaces what was sent before. */
static inline void kit_in_from(struct kit *k, struct sip_addr src, const char *text)
{
    size_t len;

    free(k->datagram);
    k->datagram = wire(text, &len);
    sip_out_clear(&k->out);
    sip_input(k->stack, k->now, &src, k->datagram, len, &k->out, &k->event);
    cr_assert(sip_sane(k->stack));
}

static inline void kit_in(struct kit *k, const char *text)
{
    kit_in_from(k, address("10.0.0.9", 5060), text);
}

/* kit_until - time goes on, deadline by deadline, for MS; all that is sent and told is collected.
 */
static inline void kit_until(struct kit *k, int64_t ms)
{
    mono_t end = mono_add_ms(k->now, ms);

    sip_out_clear(&k->out);
    k->events_n = 0;
    for (;;) {
        mono_t due = sip_deadline(k->stack);

        if (mono_before(end, due))
            break;
        k->now = mono_max(k->now, due);
        k->events_n +=
            sip_timers(k->stack, k->now, &k->out, k->events + k->events_n, 16 - k->events_n);
        cr_assert_lt(k->events_n, 16);
    }
    k->now = end;
    cr_assert(sip_sane(k->stack));
}

/* kit_sent - the datagram at INDEX, which must be well-formed. */
static inline const struct sip_msg *kit_sent(struct kit *k, unsigned index)
{
    struct sip_str data;
    enum sip_problem problem;

    cr_assert_lt(index, k->out.n, "nothing was sent");
    data = sip_out_data(&k->out, index);
    problem = sip_msg_parse(data.p, data.len, &k->sent);
    cr_assert_eq(problem, SIP_OK, "%s in:\n%.*s", sip_problem_text(problem), (int)data.len, data.p);
    return &k->sent;
}

static inline void kit_respond(struct kit *k, uint64_t txn, unsigned status)
{
    struct sip_reply r = {.status = status, .to_tag = SIP_STR("ours")};

    sip_out_clear(&k->out);
    cr_assert_eq(sip_respond(k->stack, k->now, txn, &r, &k->out), 0);
}

static inline uint64_t kit_request(struct kit *k, enum sip_method method)
{
    struct sip_addr to = address("10.0.0.9", 5060);
    struct sip_request r = {.method = method,
                            .uri = SIP_STR("sip:bob@10.0.0.9"),
                            .from = SIP_STR("<sip:pbx@10.0.0.1>"),
                            .from_tag = SIP_STR("f1"),
                            .to = SIP_STR("<sip:bob@10.0.0.9>"),
                            .call_id = SIP_STR("call-1"),
                            .cseq = 21,
                            .contact = SIP_STR("sip:10.0.0.1:5060")};
    uint64_t txn;

    sip_out_clear(&k->out);
    cr_assert_eq(sip_request(k->stack, k->now, &to, &r, 0x77, &k->out, &txn), 0);
    return txn;
}

/* kit_answer - a peer's response with STATUS and To tag TAG to the request sent at INDEX. */
static inline void kit_answer(struct kit *k, unsigned index, unsigned status, const char *tag)
{
    const struct sip_msg *m = kit_sent(k, index);
    struct sip_reply r = {.status = status, .to_tag = sip_str_of(tag)};
    struct sip_addr src = address("10.0.0.9", 5060);
    char text[4096];
    struct sip_buf b;

    sip_buf_init(&b, text, sizeof(text));
    if (status > 100 && status < 300)
        r.contact = SIP_STR("sip:bob@10.0.0.9:5070");
    cr_assert_eq(sip_build_response(&b, m, &src, &r), 0);
    free(k->datagram);
    k->datagram = malloc(b.len);
    memcpy(k->datagram, b.data, b.len);
    sip_out_clear(&k->out);
    sip_input(k->stack, k->now, &src, k->datagram, b.len, &k->out, &k->event);
    cr_assert(sip_sane(k->stack));
}

#endif
