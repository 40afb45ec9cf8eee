#include "sipserver/core/wait.h"

#include "sipserver/core/answer.h"
#include "sipserver/core/prack.h"
#include "sipserver/core/queue.h"

#define PLACES_MAX 100 /* looked at in one priority; beyond, the place is told as "at least" */
#define PARTS      8   /* one answer moves the pace by so much of the difference */

/* How many calls are offered before C.  *RET_MORE: there are more than was counted. */
static uint32_t before(const struct queue *q, const struct call *c, bool *ret_more)
{
    uint32_t n = 0, looked = 0;

    for (unsigned i = c->priority + 1u; i < SC_PRIORITIES; i++)
        n += q->waiting_by[i];
    *ret_more = false;
    LIST_EACH(link, &q->waiting[c->priority])
    {
        if (link == &c->in_queue)
            return n;
        if (looked++ == PLACES_MAX) {
            *ret_more = true;
            return n;
        }
        n++;
    }
    return n;
}

static uint32_t expected_ms(const struct queue *q, uint32_t before)
{
    uint64_t ms = (uint64_t)q->pace_ms * (before + 1);

    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

uint32_t wait_expected_ms(const struct queue *q)
{
    return q->idle_n > 0 ? 0 : expected_ms(q, q->waiting_n);
}

/* The reason phrase, as RFC 3261 21.1.5 suggests; in TEXT, ended by NUL. */
static void phrase(const struct queue *q, const struct call *c, char *text, size_t size)
{
    bool more;
    uint32_t n = before(q, c, &more);
    struct sip_buf b;

    sip_buf_init(&b, text, size - 1);
    sip_put_text(&b, "Queued; ");
    sip_put_text(&b, more ? "at least " : "");
    sip_put_number(&b, n);
    sip_put_text(&b, n == 1 ? " call before" : " calls before");
    if (q->pace_ms != 0) {
        sip_put_text(&b, "; expected waiting time is ");
        sip_put_number(&b, (expected_ms(q, n) + 999) / 1000);
        sip_put_text(&b, " seconds");
    }
    text[b.len] = '\0';
}

void wait_later(struct sc *sc, struct call *c)
{
    const struct leg *caller = pool_get(&sc->legs, c->caller);

    if (caller->state == LEG_CALLING)
        arm_ms(sc, &c->notice, sc->options.queue_notice_ms);
}

void wait_notice(struct sc *sc, struct call *c)
{
    struct leg *caller = pool_get(&sc->legs, c->caller);
    const struct queue *q = queue_of_call(sc, c);
    char text[96], contact[SIP_URI_MAX];
    struct sip_reply reply = {.status = 182, .reason = text};

    if (c->state != CALL_QUEUED || caller->state != LEG_CALLING || q == NULL)
        return;
    phrase(q, c, text, sizeof(text));
    reply.to_tag = sip_dialog_text(&caller->dialog, SIP_DIALOG_LOCAL_TAG);
    reply.contact = own_contact(sc, &caller->peer, contact, sizeof(contact));
    reply.other_fork = true; /* the branch may have changed (prack.h) */
    if (prack_put(sc, caller, NULL, &reply)) {
        if (sip_respond(sc->sip, sc->now, caller->invite, &reply, &sc->out->sip) != 0)
            sc->counts[N_UNSENDABLE]++;
        else
            prack_sent(sc, caller, NULL, &reply);
    }
    wait_later(sc, c);
}

void wait_answered(struct sc *sc, struct queue *q)
{
    int64_t took = q->taken.ns != 0 ? mono_diff_ms(sc->now, q->taken) : 0;

    if (took > 0 && took < UINT32_MAX) {
        int64_t pace = q->pace_ms == 0 ? took : q->pace_ms + (took - q->pace_ms) / PARTS;

        q->pace_ms = (uint32_t)(pace > 0 ? pace : 1);
    }
    q->taken = q->waiting_n > 0 ? sc->now : MONO_ZERO;
}
