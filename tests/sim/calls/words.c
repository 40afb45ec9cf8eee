#include "tests/sim/calls/words.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- session descriptions ---- */

struct sip_content words_sdp(struct world *w, const struct party *p, uint32_t serial,
                             uint32_t answers, char *text, size_t size)
{
    static const char *const ways[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
    int n =
        snprintf(text, size,
                 "v=0\r\no=- %u 1 IN IP4 10.9.0.%u\r\ns=%u %u\r\nc=IN IP4 10.9.0.%u\r\nt=0 0\r\n"
                 "m=audio %u RTP/AVP 8\r\n",
                 serial, p->index, serial, answers, p->index, 4000 + serial % 100 * 2);

    if (chance(&w->people, 30)) /* a phone that holds, too */
        n += snprintf(text + n, size - (size_t)n, "a=%s\r\n", ways[prng_below(&w->people, 4)]);

    if (p->bulky) /* too long for a refresh by INVITE to repeat it */
        for (unsigned i = 0; i < 40; i++)
            n += snprintf(text + n, size - (size_t)n, "a=candidate %u one line of many\r\n", i);
    assert((size_t)n < size);
    return (struct sip_content){SIP_STR("application/sdp"), {text, (size_t)n}};
}

bool words_sdp_read(const struct sip_msg *m, uint32_t *ret_serial, uint32_t *ret_answers)
{
    char text[32];
    const char *line = m != NULL ? memmem(m->body.p, m->body.len, "\r\ns=", 4) : NULL;
    size_t len;

    if (line == NULL)
        return false;
    len = m->body.len - (size_t)(line + 4 - m->body.p);
    snprintf(text, sizeof(text), "%.*s", (int)(len < 31 ? len : 31), line + 4);
    return sscanf(text, "%u %u", ret_serial, ret_answers) == 2;
}

/* ---- parts of messages ---- */

struct sip_str words_contact(const struct party *p, char *text, size_t size)
{
    struct sip_buf buf;

    sip_buf_init(&buf, text, size);
    sip_put_text(&buf, "sip:");
    sip_put_text(&buf, p->number);
    sip_put_text(&buf, "@");
    sip_addr_put_uri(&buf, &p->addr);
    return sip_buf_str(&buf);
}

void words_add(struct words *x, enum sip_header_id id, struct sip_str value)
{
    x->extras[x->n++] = (struct sip_extra){.id = id, .value = value};
}

void words_allow(const struct party *p, struct words *x)
{
    words_add(x, SIP_H_ALLOW,
              p->has_update ? SIP_STR("INVITE, ACK, BYE, CANCEL, INFO, REFER, PRACK, UPDATE")
                            : SIP_STR("INVITE, ACK, BYE, CANCEL, INFO, REFER, PRACK"));
    if (p->has_timer)
        words_add(x, SIP_H_SUPPORTED, SIP_STR("timer"));
}

/* Session timers of a request (RFC 4028 7.1): now and then too short, now and then with a
 * refresher. */
void words_ask_timer(struct world *w, const struct party *p, struct words *x)
{
    static const char *const who[] = {"", ";refresher=uac", ";refresher=uas"};

    if (!p->has_timer || !chance(&w->people, 70))
        return;
    snprintf(x->expires, sizeof(x->expires), "%u%s",
             (w->calm ? 9 : 3) + (unsigned)prng_below(&w->people, 12),
             who[prng_below(&w->people, 3)]);
    words_add(x, SIP_H_SESSION_EXPIRES, sip_str_of(x->expires));
}

/* Of a 2xx (7.2). */
void words_grant_timer(struct world *w, const struct party *p, uint32_t asked, struct words *x)
{
    bool we = chance(&w->people, 50);

    if (!p->has_timer || asked == 0)
        return;
    snprintf(x->expires, sizeof(x->expires), "%u;refresher=%s", asked, we ? "uas" : "uac");
    words_add(x, SIP_H_SESSION_EXPIRES, sip_str_of(x->expires));
    if (!we)
        words_add(x, SIP_H_REQUIRE, SIP_STR("timer"));
}
