#include "tests/sim/calls/world.h"

#include <stdio.h>
#include <string.h>

void party_ways(struct world *w, struct party *p)
{
    struct prng *r = &w->people;

    p->has_update = chance(r, 50);
    p->has_timer = chance(r, 60);
    p->stubborn = chance(r, 15);
    p->glares = chance(r, w->plan.transfers ? 70 : 20);
    p->lazy = chance(r, w->plan.transfers ? 80 : 35);
    if (p->gateway && p->index % (PHONES + CALLERS) >= PHONES + CALLERS - 2)
        p->lazy = true; /* a media server, too */
    p->slow = chance(r, 25);
    p->trying = chance(r, 25);
    p->bulky = chance(r, 15);
    p->dual = chance(r, 25);
    p->reliable = chance(r, 50) ? REL_NO : chance(r, 60) ? REL_SUPPORTED : REL_REQUIRED;
    p->no_prack = chance(r, 10);
    p->mumbles = chance(r, 30);
    p->quick = chance(r, 30);
}

mono_t party_next(const struct party *p)
{
    mono_t t = MONO_NEVER;

    if (p->away.ns != 0)
        return p->away;
    for (unsigned i = 0; i < LINES; i++)
        t = mono_min(t, mono_min(p->line[i].act, p->line[i].answer_at));
    for (unsigned i = 0; i < SITES; i++)
        t = mono_min(t, p->reg[i].due);
    return t;
}

bool people_accept(struct world *w, struct party *p, struct line *l)
{
    struct prng *r = &w->people;

    if (w->calm) {
        l->act = world_soon(w, r, 200, 800);
        return true;
    }
    l->quiet = chance(r, 16); /* nobody is there */
    l->act =
        l->quiet ? world_soon(w, r, 20000, 260000) : world_soon(w, r, 0, p->quick ? 100 : 5000);
    return chance(r, 85);
}

static void dial(struct world *w, struct party *p, struct line *l)
{
    static const char *const services[] = {"5000", "5000", "5000", "5001",
                                           "6000", "888",  "9123", "8123"};
    char number[16];

    if (chance(&w->people, p->gateway ? 75 : 40))
        snprintf(number, sizeof(number), "%s", services[prng_below(&w->people, 8)]);
    else
        snprintf(number, sizeof(number), "%u%02u", 1 + (unsigned)prng_below(&w->people, SITES),
                 1 + (unsigned)prng_below(&w->people, PHONES + 1));
    party_call(w, p, l, number);
}

/* Replaces of the dialog of L, as the site knows it: its tag is the to-tag (RFC 3891 3). */
static void refer_to_line(const struct line *l, char *text, size_t size)
{
    struct sip_str id = sip_dialog_text(&l->dialog, SIP_DIALOG_CALL_ID);
    struct sip_str to = sip_dialog_text(&l->dialog, SIP_DIALOG_REMOTE_TAG);
    struct sip_str from = sip_dialog_text(&l->dialog, SIP_DIALOG_LOCAL_TAG);

    snprintf(text, size, "<sip:1@10.0.0.1?Replaces=%.*s%%3Bto-tag%%3D%.*s%%3Bfrom-tag%%3D%.*s>",
             (int)id.len, id.p, (int)to.len, to.p, (int)from.len, from.p);
}

static void refer(struct world *w, struct party *p, struct line *l)
{
    struct line *o = &p->line[l == &p->line[0] ? 1 : 0];
    char text[256];

    if (o->state == UP && o->established) {
        refer_to_line(o, text, sizeof(text));
    } else if (chance(&w->people, 30) && o->state == IDLE) { /* asks there first */
        dial(w, p, o);
        l->act = world_soon(w, &w->people, 2000, 12000);
        return;
    } else {
        snprintf(text, sizeof(text), "<sip:%u%02u@10.0.0.1>",
                 1 + (unsigned)prng_below(&w->people, 2),
                 1 + (unsigned)prng_below(&w->people, PHONES + 1));
    }
    party_request(w, p, l, SIP_REFER, text);
    l->act = chance(&w->people, 25) ? world_soon(w, &w->people, 0, 3000)
                                    : world_soon(w, &w->people, 3000, 15000);
    if (chance(&w->people, 25)) /* hangs up at once */
        l->quiet = true;
}

/* In a call: hold, refresh, transfer, say something, or hang up. */
static void talk(struct world *w, struct party *p, struct line *l)
{
    unsigned what = (unsigned)prng_below(&w->people, 100);

    if (p->lazy && l->waits && !l->quiet && !w->finish) { /* it hears nobody yet */
        l->act = world_soon(w, &w->people, 2000, 8000);
        return;
    }
    l->act = p->lazy ? world_soon(w, &w->people, 6000, 30000) : world_soon(w, &w->people, 0, 9000);
    if (w->finish || l->quiet || what < 15)
        party_bye(w, p, l);
    else if (what < (w->plan.transfers ? 75 : 50))
        refer(w, p, l);
    else if ((what >= 50 && what < 62) || l->asking != 0 || l->asked != 0 || l->waits)
        party_request(w, p, l, SIP_INFO, NULL);
    else if (p->has_update && what < 87)
        party_request(w, p, l, SIP_UPDATE, NULL);
    else
        party_request(w, p, l, SIP_INVITE, NULL);
}

static void line_act(struct world *w, struct party *p, struct line *l)
{
    switch ((enum line_state)l->state) {
    case IDLE:
        l->act = w->finish ? MONO_NEVER : world_soon(w, &w->people, 3000, 20000);
        if (!w->finish && l == &p->line[0] && p->line[1].state == IDLE)
            dial(w, p, l);
        break;
    case CALLING: party_cancel(w, p, l); break;
    case RINGING:
        party_answer(w, p, l,
                     w->calm || chance(&w->people, 82) ? 200
                     : chance(&w->people, 50)          ? 486
                                                       : 480);
        break;
    case UP: talk(w, p, l); break;
    case ENDING: line_idle(w, l); break;
    }
}

static void come_back(struct world *w, struct party *p)
{
    trace_event(w, p->number, "is back", "");
    p->away = MONO_ZERO;
    if (p->restarts)
        party_init(w, p);
}

void party_act(struct world *w, struct party *p)
{
    if (p->away.ns != 0) {
        come_back(w, p);
        return;
    }
    for (unsigned i = 0; i < SITES; i++)
        if (mono_due(p->reg[i].due, w->now)) {
            party_register(w, p, i, !w->calm && chance(&w->people, 4));
            return;
        }
    for (unsigned i = 0; i < LINES; i++) {
        struct line *l = &p->line[i];

        if (mono_due(l->answer_at, w->now)) {
            party_answer_late(w, p, l, chance(&w->people, 85) ? 200 : 488);
            return;
        }
        if (mono_due(l->act, w->now)) {
            line_act(w, p, l);
            return;
        }
    }
}

/* Each desk belongs to a home site and now and then logs in at the other. */
void desk_act(struct world *w, struct agent_desk *d)
{
    unsigned index = (unsigned)(d - w->desk);
    struct prng *r = &w->desks;
    struct site *home = &w->site[index / PHONES];
    struct site *s = !w->calm && chance(r, 8) ? &w->site[1 - index / PHONES] : home;
    unsigned what = (unsigned)prng_below(r, 100);

    if (w->plan.few && !w->calm && index % PHONES != 0 && what < 62)
        what = 70; /* not ready */
    d->act = w->calm ? world_soon(w, r, 1000, 2000) : world_soon(w, r, 1000, 12000);
    if (w->calm) { /* everybody works */
        (void)site_agent(w, &w->site[1 - index / PHONES], SC_LOGOUT, d->id, SC_AGENT_NULL);
        (void)site_agent(w, home, SC_LOGIN, d->id, SC_AGENT_READY);
    } else if (what < 32) {
        (void)site_agent(w, s, SC_LOGIN, d->id,
                         chance(r, 80) ? SC_AGENT_READY : SC_AGENT_NOT_READY);
    } else if (what < 62) {
        (void)site_agent(w, s, SC_READY, d->id, SC_AGENT_NULL);
    } else if (what < 84) {
        (void)site_agent(w, s, SC_NOT_READY, d->id, SC_AGENT_NULL);
    } else if (what < 94) {
        (void)site_agent(w, s, SC_LOGOUT, d->id, SC_AGENT_NULL);
    } else {
        (void)site_agent(w, s, SC_QUERY, d->id, SC_AGENT_NULL);
    }
}
