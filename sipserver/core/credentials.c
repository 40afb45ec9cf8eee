#include "sipserver/core/credentials.h"

#include <errno.h>
#include <string.h>

#include "sipserver/core/report.h"

#define LOGINS_MAX    2     /* a stale nonce, then a fresh one: more would be a wrong password */
#define EXTRAS_MAX    8     /* headers of a request of ours besides */
#define TOLD_EACH_MS  60000 /* a trunk that refuses our password is told so often at most */
#define CNONCE_DIGITS 16

void credentials_configure(struct trunk *t, const char *realm)
{
    if (text_eq(t->login.realm, realm))
        return;
    t->login = (struct login){0};
    text_copy(t->login.realm, sizeof(t->login.realm), realm);
}

static struct trunk *trunk_of(const struct sc *sc, const struct leg *l, const struct dn **ret_dn)
{
    const struct dn *d = pool_get(&sc->dns, l->dn);
    struct trunk *t = d != NULL ? pool_get(&sc->trunks, d->trunk) : NULL;

    *ret_dn = d;
    return t != NULL && t->login.realm[0] != '\0' ? t : NULL;
}

/* The header that answers what T wants, for METHOD to URI, in TEXT.  False: it cannot be made. */
static bool make(struct sc *sc, struct trunk *t, const struct dn *d, enum sip_method method,
                 struct sip_str uri, struct sip_buf *text, struct sip_extra *ret_extra)
{
    struct login *login = &t->login;
    const struct sip_digest_params challenge = {
        .realm = sip_str_of(login->realm),
        .nonce = sip_str_of(login->nonce),
        .opaque = sip_str_of(login->opaque),
        .algorithm = !login->named                    ? SIP_STR_NONE
                     : login->algorithm == SIP_SHA256 ? SIP_STR("SHA-256")
                                                      : SIP_STR("MD5"),
        .qop = login->qop ? SIP_STR("auth") : SIP_STR_NONE,
    };
    char cnonce[CNONCE_DIGITS];
    struct sip_buf b;

    sip_buf_init(&b, cnonce, sizeof(cnonce));
    sip_put_hex(&b, prng_next(&sc->prng), CNONCE_DIGITS);
    if (sip_digest_answer(&sc->digest.ops, &challenge, method, uri, sip_str_of(d->digest_user),
                          &d->ha1, sip_buf_str(&b), ++login->uses, text) != 0)
        return false;
    *ret_extra =
        (struct sip_extra){.id = login->proxy ? SIP_H_PROXY_AUTHORIZATION : SIP_H_AUTHORIZATION,
                           .value = sip_buf_str(text)};
    return true;
}

/* A number that is not used is the next one's: those of a dialog rise by one (RFC 3261 12.2.1.1).
 */
static int send(struct sc *sc, struct leg *l, const struct sip_addr *to,
                const struct sip_request *r, uint64_t owner, uint64_t *ret_txn)
{
    int result = sip_request(sc->sip, sc->now, to, r, owner, &sc->out->sip, ret_txn);

    if (result != 0 && r->cseq == l->dialog.local_cseq && l->dialog.state != SIP_DIALOG_NONE)
        l->dialog.local_cseq--;
    return result;
}

int leg_request(struct sc *sc, struct leg *l, const struct sip_addr *to, struct sip_request *r,
                uint64_t owner, uint64_t *ret_txn)
{
    struct sip_extra extras[EXTRAS_MAX];
    const struct dn *d;
    struct trunk *t = trunk_of(sc, l, &d);
    char text[1024 + SIP_URI_MAX];
    struct sip_buf b;

    if (t == NULL || t->login.nonce[0] == '\0' || r->extras_n >= EXTRAS_MAX)
        return send(sc, l, to, r, owner, ret_txn);
    for (unsigned i = 0; i < r->extras_n; i++)
        extras[i] = r->extras[i];
    sip_buf_init(&b, text, sizeof(text));
    if (make(sc, t, d, r->method, r->uri, &b, &extras[r->extras_n])) {
        r->extras = extras;
        r->extras_n++;
    }
    return send(sc, l, to, r, owner, ret_txn);
}

/* ---- a challenge ---- */

static bool fits(struct sip_str s)
{
    return s.len < SC_NONCE_SIZE;
}

/* Does P, a challenge, come before what LOGIN holds so far (TAKEN: anything)? */
static bool better(const struct dn *d, const struct sip_digest_params *p, bool taken,
                   enum sip_digest_algorithm *ret_algorithm)
{
    bool sha256 = sip_str_eq_nocase(p->algorithm, SIP_STR("SHA-256"));
    bool md5 = sip_str_empty(p->algorithm) || sip_str_eq_nocase(p->algorithm, SIP_STR("MD5"));

    *ret_algorithm = sha256 ? SIP_SHA256 : SIP_MD5;
    if (sha256)
        return d->ha1.sha256[0] != '\0';
    return md5 && !taken && d->ha1.md5[0] != '\0';
}

static bool offers_auth(struct sip_str qop)
{
    struct sip_str one;

    while (sip_list_next(&qop, &one))
        if (sip_str_eq_nocase(one, SIP_STR("auth")))
            return true;
    return false;
}

/* Take the best challenge of M, of header ID, for T's realm.  False: there is none. */
static bool learn(struct trunk *t, const struct dn *d, const struct sip_msg *m,
                  enum sip_header_id id)
{
    struct login *login = &t->login;
    bool taken = false;

    for (const struct sip_header *h = sip_msg_header(m, id); h != NULL;
         h = sip_msg_header_next(m, h)) {
        enum sip_digest_algorithm algorithm;
        struct sip_digest_params p;

        if (sip_digest_parse(h->value, &p) != 0 || !sip_str_eq(p.realm, sip_str_of(login->realm)) ||
            sip_str_empty(p.nonce) || !fits(p.nonce) || !fits(p.opaque) ||
            (!sip_str_empty(p.qop) && !offers_auth(p.qop)) || !better(d, &p, taken, &algorithm))
            continue;
        taken = true;
        text_copy_str(login->nonce, sizeof(login->nonce), p.nonce);
        text_copy_str(login->opaque, sizeof(login->opaque), p.opaque);
        login->algorithm = (uint8_t)algorithm;
        login->named = !sip_str_empty(p.algorithm);
        login->qop = !sip_str_empty(p.qop);
        login->proxy = id == SIP_H_PROXY_AUTHENTICATE;
        login->uses = 0;
    }
    return taken;
}

static void refused(struct sc *sc, struct trunk *t, const struct dn *d, const char *why)
{
    sc->counts[N_TRUNK_REFUSED]++;
    t->login.nonce[0] = '\0';
    if (t->login.told.ns != 0 && mono_diff_ms(sc->now, t->login.told) < TOLD_EACH_MS)
        return;
    t->login.told = sc->now;
    report_note(sc, SC_NOTE_TRUNK, d->number, NULL, NULL, why);
}

/* The leg whose request EVENT answers, and where its transaction is kept; NULL. */
static struct leg *leg_of(const struct sc *sc, const struct sip_event *event, uint64_t **ret_txn)
{
    handle_t handle = owner_handle(event->owner);
    struct relay *r;
    struct call *c;
    struct leg *l;

    *ret_txn = NULL;
    if (owner_kind(event->owner) == OWNER_RELAY) {
        r = pool_get(&sc->relays, handle);
        c = r != NULL ? pool_get(&sc->calls, r->call) : NULL;
        if (c == NULL || r->client != event->txn)
            return NULL;
        *ret_txn = &r->client;
        return pool_get(&sc->legs, r->from_caller ? c->target : c->caller);
    }
    l = owner_kind(event->owner) == OWNER_LEG ? pool_get(&sc->legs, handle) : NULL;
    if (l == NULL)
        return NULL;
    *ret_txn = event->txn == l->refresh    ? &l->refresh
               : event->txn == l->join_txn ? &l->join_txn
               : event->txn == l->invite   ? &l->invite
                                           : NULL;
    return l;
}

/* The CSeq of the request that goes out once more (RFC 3261 22.2). */
static uint32_t next_cseq(struct leg *l, enum sip_method method)
{
    struct sip_request r;

    if (method == SIP_INVITE && l->dialog.state != SIP_DIALOG_CONFIRMED)
        sip_dialog_restart(&l->dialog); /* what an early dialog left does not count */
    sip_dialog_request(&l->dialog, method, &r);
    return r.cseq;
}

bool credentials_answer(struct sc *sc, const struct sip_event *event)
{
    bool proxy = event->status == 407;
    const struct sip_msg *sent;
    struct sip_extra extra;
    const struct dn *d;
    uint64_t *kept, txn, invite;
    struct sip_buf b;
    struct trunk *t;
    struct leg *l;
    char text[1024 + SIP_URI_MAX];

    if (event->kind != SIP_EV_RESPONSE || event->msg == NULL)
        return false;
    l = leg_of(sc, event, &kept);
    if (l == NULL)
        return false;
    if (event->status != 401 && !proxy) {
        if (event->status >= 200)
            l->logins = 0;
        return false;
    }
    t = trunk_of(sc, l, &d);
    if (t == NULL || l->state == LEG_CANCELLED)
        return false;
    if (l->logins >= LOGINS_MAX) {
        refused(sc, t, d, "refuses our user or password: see digest-user and password");
        return false;
    }
    if (!learn(t, d, event->msg, proxy ? SIP_H_PROXY_AUTHENTICATE : SIP_H_WWW_AUTHENTICATE)) {
        refused(sc, t, d,
                "wants a password, but for another realm than digest-realm, or by another way");
        return false;
    }
    sent = sip_sent(sc->sip, event->txn);
    sip_buf_init(&b, text, sizeof(text));
    if (sent == NULL || !make(sc, t, d, event->method, sent->uri_text, &b, &extra))
        return false;
    invite = l->invite;
    if (sip_request_again(sc->sip, sc->now, event->txn, next_cseq(l, event->method), &extra,
                          &sc->out->sip, &txn) != 0) {
        sc->counts[N_UNSENDABLE]++;
        return false;
    }
    l->logins++;
    sc->counts[N_TRUNK_LOGINS]++;
    if (kept != NULL)
        *kept = txn;
    if (l->join_txn != 0 && l->join_txn == invite && kept == &l->join_txn)
        l->invite = txn; /* the INVITE of a transfer's new party is both */
    return true;
}
