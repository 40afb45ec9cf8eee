#include "sipserver/core/overload.h"

#include "sipserver/core/answer.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/report.h"

#define LATE_KNOWN_MS 1000 /* how long a measure says something */
#define QUIET_MS      5000 /* between two lines in the log */

void overload_late(struct sc *sc, uint32_t late_ms)
{
    bool before = mono_diff_ms(sc->now, sc->overload.at) <= LATE_KNOWN_MS;

    if (late_ms < sc->options.overload_lag_ms)
        sc->overload.since = MONO_ZERO;
    else if (sc->overload.since.ns == 0 || !before)
        sc->overload.since = sc->now;
    sc->overload.late_ms = late_ms;
    sc->overload.at = sc->now;
}

/* How late we are; 0 while that may be one pause, whose backlog is soon worked off. */
static uint32_t late_now(const struct sc *sc)
{
    bool lasting = sc->overload.since.ns != 0 &&
                   mono_diff_ms(sc->now, sc->overload.since) >= sc->options.overload_lag_ms / 2;

    return lasting && mono_diff_ms(sc->now, sc->overload.at) <= LATE_KNOWN_MS ? sc->overload.late_ms
                                                                              : 0;
}

/* Whether USED of MAX is beyond what CLASS may fill. */
static bool fuller(const struct sc *sc, uint64_t used, uint64_t max, unsigned class)
{
    uint64_t fill = sc->options.overload_fill;
    uint64_t percent = fill + (100 - fill) * class / OVERLOAD_CLASSES;

    return used * 100 > max * percent;
}

static bool too_much(const struct sc *sc, unsigned class)
{
    return late_now(sc) >= (uint64_t)sc->options.overload_lag_ms << class ||
           fuller(sc, sip_live(sc->sip, true), sc->conf.maxima.transactions, class) ||
           fuller(sc, sip_live(sc->sip, false), sc->conf.maxima.transactions, class);
}

static const enum core_count counts[] = {N_SHED_REGISTER, N_SHED_REFRESH, N_SHED_CALL,
                                         N_SHED_LOGIN};

/* One line when it begins, and then not more than one in a while. */
static void tell(struct sc *sc, enum overload_class class)
{
    static const char *const what[] = {
        "overload: new registrations are refused", "overload: registrations are refused",
        "overload: new calls are refused", "overload: agent logins are refused"};

    if (sc->overload.told.ns != 0 && mono_diff_ms(sc->now, sc->overload.told) < QUIET_MS)
        return;
    sc->overload.told = sc->now;
    report_note(sc, SC_NOTE_OVERLOAD, "", NULL, NULL, what[class]);
}

bool overload_sheds(struct sc *sc, enum overload_class class)
{
    if (!too_much(sc, class))
        return false;
    sc->counts[counts[class]]++;
    tell(sc, class);
    return true;
}

bool overload_keeps(struct sc *sc, bool music)
{
    if (!fuller(sc, sip_live(sc->sip, false), sc->conf.maxima.transactions,
                music ? OVERLOAD_CALL : OVERLOAD_LOGIN))
        return false;
    sc->counts[music ? N_SHED_MUSIC : N_SHED_OFFER]++;
    return true;
}

/* A phone that is registered at that host, or that has gone to the length of credentials. */
static bool is_refresh(const struct sc *sc, const struct sip_event *event)
{
    const struct dn *d;

    if (sip_msg_header(event->msg, SIP_H_AUTHORIZATION) != NULL)
        return true;
    d = dn_of_uri(sc, &event->msg->to.uri);
    if (d == NULL)
        return false;
    LIST_EACH(link, &d->bindings)
    {
        if (sip_addr_same_host(&CONTAINER_OF(link, struct binding, in_dn)->source, &event->src))
            return true;
    }
    return false;
}

bool overload_refuse(struct sc *sc, const struct sip_event *event)
{
    enum overload_class class = OVERLOAD_REGISTER;

    if (event->method == SIP_INVITE)
        class = OVERLOAD_CALL;
    else if (!too_much(sc, OVERLOAD_REGISTER))
        return false;
    else if (event->method == SIP_REGISTER && is_refresh(sc, event))
        class = OVERLOAD_REFRESH;
    if (!overload_sheds(sc, class))
        return false;
    answer_busy(sc, event, CORE_COUNTS);
    return true;
}
