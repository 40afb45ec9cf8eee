#include "sipserver/core/auth.h"

#include "sipserver/core/core_inner.h"

#include "sipserver/core/answer.h"
#include "sipserver/core/binding.h"
#include "sipserver/core/bound.h"

/* So long an address is known: two registrations of the longest kind. */
#define KNOWN_MS(longest_s) ((int64_t)(longest_s)*2000)

static bool offers_md5(const struct sc *sc, const struct dn *d)
{
    return sc->options.digest_md5 && (d == NULL || d->ha1.md5[0] != '\0');
}

static bool offers_sha256(const struct sc *sc, const struct dn *d)
{
    return !offers_md5(sc, d) ||
           (sc->options.digest_sha256_first && (d == NULL || d->ha1.sha256[0] != '\0'));
}

/* One challenge for each algorithm that is offered, the strongest first (RFC 8760 2.3).  One only
 * unless the option says so: phones of today give up when one of several names an algorithm that
 * they do not have. */
static void challenge(struct sc *sc, const struct sip_event *event, const struct dn *d, bool stale)
{
    const bool offered[] = {offers_sha256(sc, d), offers_md5(sc, d)};
    char value[2][512];
    struct sip_extra extras[2];
    struct sip_reply reply = {.status = 401, .extras = extras};

    for (unsigned i = 0; i < 2; i++) {
        struct sip_digest_offer offer = {.algorithm = i == 0 ? SIP_SHA256 : SIP_MD5,
                                         .stale = stale,
                                         .auth_int = sc->options.digest_auth_int,
                                         .serial = sc->nonce_serial++};
        struct sip_buf b;

        if (!offered[i])
            continue;
        sip_buf_init(&b, value[i], sizeof(value[i]));
        sip_digest_challenge(&sc->digest, wall_s(sc), &event->src, sip_str_of(sc->options.realm),
                             &offer, &b);
        extras[reply.extras_n++] =
            (struct sip_extra){.id = SIP_H_WWW_AUTHENTICATE, .value = sip_buf_str(&b)};
    }
    sc->counts[N_CHALLENGED]++;
    if (reply.extras_n == 2 && bound_reply(sc, event, &reply))
        return;
    reply.extras_n = 1; /* where both are too long for what came: the first */
    bound_answer(sc, event, &reply);
}

/* Credentials P for the account of D.  Without that account they are judged all the same, so that
 * the answers do not tell which numbers there are. */
static enum sip_digest_result judge(struct sc *sc, const struct sip_event *event,
                                    const struct dn *d, const struct sip_digest_params *p)
{
    static const struct sip_ha1 nobody;
    bool theirs = d != NULL && sip_str_eq(p->username, sip_str_of(d->digest_user));

    return sip_digest_verify(&sc->digest, wall_s(sc), &event->src, p, event->msg,
                             theirs ? &d->ha1 : &nobody);
}

/* Requests by a proxy look alike but for the Call-ID of a registration. */
static uint64_t flow_salt(const struct sc *sc, const struct sip_event *event)
{
    return event->method == SIP_REGISTER && binding_behind_proxy(event)
               ? binding_call_id(sc, event->msg)
               : 0;
}

/* Too many wrong passwords came from there.  Those of another phone at the same address do not lock
 * out the one that is registered at its flow. */
static bool locked_out(const struct sc *sc, const struct sip_event *event, const struct dn *d,
                       struct sip_str number)
{
    return guard_locked(&sc->guard, sc->now, &event->src, number) &&
           (d == NULL || binding_here(sc, d, event) == NULL ||
            guard_flow_locked(&sc->guard, sc->now, &event->src, flow_salt(sc, event), number));
}

static void wrong_password(struct sc *sc, const struct sip_event *event, const struct dn *d,
                           struct sip_str number)
{
    const struct sc_options *o = &sc->options;
    struct guard_limits limits = {o->lockout_refusals, o->lockout_window_ms, o->lockout_time_ms};
    bool out = guard_refused(&sc->guard, sc->now, &limits, &event->src, number);

    if (d != NULL && binding_here(sc, d, event) != NULL)
        out |= guard_flow_refused(&sc->guard, sc->now, &limits, &event->src, flow_salt(sc, event),
                                  number);
    sc->counts[N_LOCKOUTS] += out;
    answer_status(sc, event, 403, N_FORBIDDEN);
}

/* The same for each copy of a request, and for no other. */
static uint32_t request_of(const struct sc *sc, const struct sip_msg *m)
{
    return (uint32_t)siphash24(sc->conf.secret, m->call_id.p, m->call_id.len) + m->cseq.number;
}

/* Whether the nonce count of the right credentials P is fresh (RFC 7616 3.4, 5.5). */
static enum auth fresh(struct sc *sc, const struct sip_event *event, const struct dn *d,
                       const struct sip_digest_params *p, uint64_t key)
{
    struct nonce_try try = {.key = key,
                            .made_s = sip_digest_made(p->nonce),
                            .count = sip_digest_count(p),
                            .request = request_of(sc, event->msg)};
    struct source_limits limits = source_limits(sc);
    bool evicted;
    enum nonce_result r =
        nonces_use(&sc->nonces, sc->now, wall_s(sc), sc->digest.nonce_life_s, &try, &evicted);

    sc->counts[N_NONCES_EVICTED] += evicted;
    switch (r) {
    case NONCE_FRESH:
        bound_lift(sc);
        source_proven(&sc->sources, sc->now, &limits, &event->src,
                      mono_add_ms(sc->now, KNOWN_MS(sc->options.registration_expires_max_s)));
        return AUTH_YES;
    case NONCE_REPEATED:
        if (event->method == SIP_REGISTER) { /* it has no transaction that absorbs copies */
            bound_lift(sc);
            return AUTH_AGAIN;
        }
        sc->counts[N_REPLAYED]++;
        break;
    case NONCE_REPLAYED: sc->counts[N_REPLAYED]++; break;
    case NONCE_FORGOTTEN: sc->counts[N_NONCES_FORGOTTEN]++; break;
    }
    challenge(sc, event, d, true);
    return AUTH_NO;
}

/* MD5 where it is not wanted is as no credentials. */
static bool algorithm_offered(const struct sc *sc, const struct sip_digest_params *p)
{
    enum sip_digest_algorithm algorithm;

    return sc->options.digest_md5 || sip_digest_algorithm(p, &algorithm) != 0 ||
           algorithm != SIP_MD5;
}

enum auth auth_check(struct sc *sc, const struct sip_event *event, const struct dn *d)
{
    struct sip_str number = d != NULL ? sip_str_of(d->number) : SIP_STR_NONE;
    struct sip_digest_params p;
    uint64_t key = 0;
    enum sip_digest_result result =
        sip_digest_find(event->msg, SIP_H_AUTHORIZATION, sip_str_of(sc->options.realm), &p);

    if (result == SIP_DIGEST_OK) {
        key = nonces_key(&sc->nonces, p.nonce);
        if (locked_out(sc, event, d, number)) {
            answer_status(sc, event, 403, N_LOCKED_OUT); /* as for a wrong password */
            return AUTH_NO;
        }
        result = algorithm_offered(sc, &p) ? judge(sc, event, d, &p) : SIP_DIGEST_ABSENT;
    }
    switch (result) {
    case SIP_DIGEST_OK: return fresh(sc, event, d, &p, key);
    case SIP_DIGEST_ABSENT:
    case SIP_DIGEST_BAD_NONCE: challenge(sc, event, d, false); return AUTH_NO;
    case SIP_DIGEST_STALE: challenge(sc, event, d, true); return AUTH_NO;
    case SIP_DIGEST_WRONG: wrong_password(sc, event, d, number); return AUTH_NO;
    case SIP_DIGEST_OTHER_URI:
    case SIP_DIGEST_MALFORMED: break;
    }
    answer_status(sc, event, 400, N_FORBIDDEN);
    return AUTH_NO;
}
