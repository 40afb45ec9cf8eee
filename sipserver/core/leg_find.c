/* Which leg a message belongs to. */
#include "sipserver/core/leg.h"

#include <string.h>

static struct leg *by_tag(const struct sc *sc, struct sip_str tag)
{
    struct sip_key key;
    struct sip_token token;

    memcpy(key.secret, sc->conf.secret, sizeof(key.secret));
    if (sip_token_read(key, SIP_TOKEN_TAG, tag, &token) != 0 ||
        owner_kind(token.object) != OWNER_LEG)
        return NULL;
    return pool_get(&sc->legs, owner_handle(token.object));
}

struct leg *leg_of_call_id(const struct sc *sc, struct sip_str call_id)
{
    struct sip_key key;
    struct sip_token token;
    struct leg *l;

    memcpy(key.secret, sc->conf.secret, sizeof(key.secret));
    if (sip_token_read(key, SIP_TOKEN_CALL_ID, call_id, &token) != 0 ||
        owner_kind(token.object) != OWNER_LEG)
        return NULL;
    l = pool_get(&sc->legs, owner_handle(token.object));
    return l != NULL && l->dialog.is_uac ? l : NULL;
}

struct leg *leg_find(const struct sc *sc, const struct sip_msg *request)
{
    struct leg *l = by_tag(sc, request->to.tag);

    return l != NULL && sip_dialog_matches(&l->dialog, request) ? l : NULL;
}

struct leg *leg_find_branch(const struct sc *sc, const struct sip_msg *request)
{
    struct leg *l = by_tag(sc, request->to.tag);

    return l != NULL && !l->dialog.is_uac &&
                   sip_str_eq(request->call_id, sip_dialog_text(&l->dialog, SIP_DIALOG_CALL_ID)) &&
                   sip_str_eq(request->from.tag, sip_dialog_text(&l->dialog, SIP_DIALOG_REMOTE_TAG))
               ? l
               : NULL;
}

struct leg *leg_find_named(const struct sc *sc, struct sip_str call_id, struct sip_str local,
                           struct sip_str remote)
{
    struct leg *l = by_tag(sc, local);

    return l != NULL && sip_str_eq(call_id, sip_dialog_text(&l->dialog, SIP_DIALOG_CALL_ID)) &&
                   sip_str_eq(remote, sip_dialog_text(&l->dialog, SIP_DIALOG_REMOTE_TAG))
               ? l
               : NULL;
}

struct leg *leg_find_own(const struct sc *sc, const struct sip_msg *response)
{
    struct leg *l = by_tag(sc, response->from.tag);

    return l != NULL &&
                   sip_str_eq(response->call_id, sip_dialog_text(&l->dialog, SIP_DIALOG_CALL_ID))
               ? l
               : NULL;
}
