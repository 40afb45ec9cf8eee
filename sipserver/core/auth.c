#include "sipserver/core/auth.h"

#include "sipserver/core/answer.h"

static void challenge(struct sc *sc, const struct sip_event *event, const struct dn *d, bool stale)
{
    /* One challenge only: phones of today give up when one of several names an algorithm that they
     * do not have. */
    bool md5 = d == NULL || d->ha1.md5[0] != '\0';
    char value[512];
    struct sip_buf b;
    struct sip_extra extra = {.id = SIP_H_WWW_AUTHENTICATE};
    struct sip_reply reply = {.status = 401, .extras = &extra, .extras_n = 1};

    sip_buf_init(&b, value, sizeof(value));
    sip_digest_challenge(&sc->digest, wall_s(sc), &event->src, sip_str_of(sc->options.realm),
                         md5 ? SIP_MD5 : SIP_SHA256, stale, &b);
    extra.value = sip_buf_str(&b);
    sc->counts[N_CHALLENGED]++;
    (void)sip_reply_once(sc->sip, event, &reply, &sc->out->sip);
}

/* Credentials P for the account of D.  Without that account they are judged all the same, so that
 * the answers do not tell which numbers there are. */
static enum sip_digest_result judge(const struct sc *sc, const struct sip_event *event,
                                    const struct dn *d, const struct sip_digest_params *p)
{
    static const struct sip_ha1 nobody;
    bool theirs = d != NULL && sip_str_eq(p->username, sip_str_of(d->digest_user));

    return sip_digest_verify(&sc->digest, wall_s(sc), &event->src, p, event->msg,
                             theirs ? &d->ha1 : &nobody);
}

static void wrong_password(struct sc *sc, const struct sip_event *event, struct sip_str number)
{
    const struct sc_options *o = &sc->options;
    struct guard_limits limits = {o->lockout_refusals, o->lockout_window_ms, o->lockout_time_ms};

    if (guard_refused(&sc->guard, sc->now, &limits, &event->src, number))
        sc->counts[N_LOCKOUTS]++;
    answer_status(sc, event, 403, N_FORBIDDEN);
}

bool auth_check(struct sc *sc, const struct sip_event *event, const struct dn *d)
{
    struct sip_str number = d != NULL ? sip_str_of(d->number) : SIP_STR_NONE;
    struct sip_digest_params p;
    enum sip_digest_result result =
        sip_digest_find(event->msg, SIP_H_AUTHORIZATION, sip_str_of(sc->options.realm), &p);

    if (result == SIP_DIGEST_OK) {
        if (guard_locked(&sc->guard, sc->now, &event->src, number)) {
            answer_status(sc, event, 403, N_LOCKED_OUT); /* as for a wrong password */
            return false;
        }
        result = judge(sc, event, d, &p);
    }
    switch (result) {
    case SIP_DIGEST_OK: return true;
    case SIP_DIGEST_ABSENT:
    case SIP_DIGEST_BAD_NONCE: challenge(sc, event, d, false); return false;
    case SIP_DIGEST_STALE: challenge(sc, event, d, true); return false;
    case SIP_DIGEST_WRONG: wrong_password(sc, event, number); return false;
    case SIP_DIGEST_MALFORMED: break;
    }
    answer_status(sc, event, 400, N_FORBIDDEN);
    return false;
}
