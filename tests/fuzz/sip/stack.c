/* fuzz_sip_stack - a sequence of datagrams, time steps and orders of the core against one stack.
 *
 * The input is cut at bytes 0x1E.  A piece is a datagram, but a piece that begins with a byte below
 * 0x09 is an order: time goes on, the newest transaction is answered, one of ours is begun,
 * cancelled or cannot be sent. In a datagram the text "@B" stands for the branch of our newest
 * request, so that answers can be found. After each piece the stack is sane, and what it sends can
 * be parsed; at the end all transactions run out. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sipserver/sip/sip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECES_MAX 200

static struct sip_dgram items[256];
static char arena[1 << 20];
static struct sip_out out;
static struct sip_stack *stack;
static mono_t now;
static uint64_t server, client;
static char branch[SIP_TOKEN_MAX];

static struct sip_stack *fresh_stack(void)
{
    static void *memory;
    struct sip_stack_conf c;

    sip_stack_conf_default(&c);
    c.server_max = c.client_max = 16;
    c.message_max = 2048;
    c.trying_ms = 0;
    strcpy(c.sent_by[0], "192.0.2.2:5060");
    free(memory);
    memory = calloc(1, sip_stack_size(&c));
    return sip_stack_init(memory, &c);
}

static void check_sent(void)
{
    static struct sip_msg m;

    for (unsigned i = 0; i < out.n; i++) {
        struct sip_str s = sip_out_data(&out, i);

        /* An error response repeats what it answers, malformed as it may be: only its cut is
         * checked. */
        if (sip_msg_parse(s.p, s.len, &m) == SIP_OK && m.is_request)
            (void)sip_str_copy(m.via.branch, branch, sizeof(branch));
        assert(m.is_request || m.status >= 100);
        assert(sip_msg_header(&m, SIP_H_VIA) != NULL);
        assert(m.via.text.len > 0 || m.status >= 400);
    }
    sip_out_clear(&out);
}

static void note(const struct sip_event *e)
{
    if (e->kind == SIP_EV_REQUEST || e->kind == SIP_EV_CANCEL)
        server = e->txn;
    assert(e->kind != SIP_EV_REQUEST || e->txn != 0);
    if (e->kind == SIP_EV_NO_ROOM)
        (void)sip_reply(stack, now, e, &(struct sip_reply){.status = 503}, &out);
}

static void pass_time(int64_t ms)
{
    struct sip_event events[4];
    unsigned n;

    now = mono_add_ms(now, ms);
    do {
        n = sip_timers(stack, now, &out, events, 4);
        check_sent();
    } while (n == 4);
    assert(mono_before(now, sip_deadline(stack)));
}

static void order(const uint8_t *p, size_t size)
{
    static const unsigned status[] = {100, 180, 200, 302, 486, 600};
    struct sip_addr to = {.family = SIP_IPV4, .port = 5060, .ip = {192, 0, 2, 1}};
    struct sip_request r = {.method = p[0] == 2 ? SIP_INVITE : SIP_OPTIONS,
                            .uri = SIP_STR("sip:x@192.0.2.1"),
                            .from = SIP_STR("<sip:a@x>"),
                            .from_tag = SIP_STR("f"),
                            .to = SIP_STR("<sip:x@y>"),
                            .call_id = SIP_STR("c"),
                            .cseq = 1};
    unsigned argument = size > 1 ? p[1] : 0;
    struct sip_event e;

    switch (p[0]) {
    case 0: pass_time((int64_t)argument * argument); break;
    case 1:
        (void)sip_respond(
            stack, now, server,
            &(struct sip_reply){.status = status[argument % 6], .to_tag = SIP_STR("o")}, &out);
        break;
    case 2:
    case 3: (void)sip_request(stack, now, &to, &r, argument, &out, &client); break;
    case 4: (void)sip_cancel(stack, now, client, &out); break;
    case 5:
        sip_unsent(stack, now, argument & 1 ? client : server, &out, &e);
        note(&e);
        break;
    default: break;
    }
}

static void datagram(const uint8_t *p, size_t size)
{
    struct sip_addr src = {.family = SIP_IPV4, .port = 5060, .ip = {192, 0, 2, 1}};
    struct sip_event e;
    size_t len = 0;
    char *exact = malloc(size + size / 2 * sizeof(branch) + 1), *copy;

    for (size_t i = 0; i < size; i++) {
        if (p[i] == '@' && i + 1 < size && p[i + 1] == 'B') {
            memcpy(exact + len, branch, strlen(branch));
            len += strlen(branch);
            i++;
        } else {
            exact[len++] = (char)p[i];
        }
    }
    copy = malloc(len > 0 ? len : 1);
    memcpy(copy, exact, len);
    free(exact);
    sip_input(stack, now, &src, copy, len, &out, &e);
    note(&e);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;

    stack = fresh_stack();
    sip_out_init(&out, items, 256, arena, sizeof(arena));
    now = (mono_t){1};
    server = client = 0;
    branch[0] = '\0';
    for (unsigned pieces = 0; data < end && pieces < PIECES_MAX; pieces++) {
        const uint8_t *stop = memchr(data, 0x1e, (size_t)(end - data));

        if (stop == NULL)
            stop = end;
        if (stop > data && data[0] < 0x09)
            order(data, (size_t)(stop - data));
        else
            datagram(data, (size_t)(stop - data));
        check_sent();
        assert(sip_sane(stack));
        data = stop < end ? stop + 1 : end;
    }
    /* What the core left unanswered is answered; then everything ends by its timers. */
    for (int i = 0; i < 4; i++)
        pass_time(300000);
    assert(sip_live(stack, false) == 0);
    return 0;
}
