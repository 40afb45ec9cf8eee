#include "sipserver/core/attach.h"

#include <errno.h>
#include <string.h>

#include "sipserver/core/data.h"

const char *attach_get(const struct sc *sc, const struct call *c)
{
    const struct data *d = pool_get(&sc->datas, c->data);

    return d != NULL ? d->text : "";
}

static int merge(struct sc *sc, struct call *c, struct sip_str changes)
{
    const struct data_limits limits = {sc->options.data_max, sc->options.data_key_max,
                                       sc->options.data_value_max};
    struct data *d = pool_get(&sc->datas, c->data);
    int r;

    if (sip_str_empty(changes))
        return 0;
    if (d == NULL)
        d = pool_take(&sc->datas, &c->data);
    if (d == NULL)
        return -ENOBUFS;
    r = data_merge(d->text, changes, &limits);
    if (d->text[0] == '\0')
        attach_drop(sc, c);
    return r;
}

int attach_merge(struct sc *sc, struct call *c, const char *changes)
{
    return merge(sc, c, sip_str_of(changes));
}

void attach_travel(struct sc *sc, const struct call *from, struct call *to)
{
    const struct data_limits limits = {sc->options.data_max, sc->options.data_key_max,
                                       sc->options.data_value_max};
    struct data *d = pool_get(&sc->datas, to->data);
    char both[SC_DATA_SIZE];

    text_copy(both, sizeof(both), attach_get(sc, from));
    if (both[0] == '\0')
        return;
    if (d == NULL)
        d = pool_take(&sc->datas, &to->data);
    if (d == NULL)
        return; /* one for each call: never */
    if (data_merge(both, sip_str_of(d->text), &limits) == 0)
        memcpy(d->text, both, sizeof(both));
    else
        sc->counts[N_DATA_REFUSED]++; /* too much together: those of the call itself stay */
}

void attach_receive(struct sc *sc, struct call *c, const struct sip_msg *invite)
{
    const struct dn *source = pool_get(&sc->dns, c->source);
    const struct trunk *t = source != NULL ? pool_get(&sc->trunks, source->trunk) : NULL;

    for (unsigned i = 0; i < invite->headers_n; i++) {
        if (!sip_str_eq_nocase(invite->headers[i].name, SIP_STR(ATTACH_HEADER)))
            continue;
        if (t == NULL || !t->inter_site || merge(sc, c, invite->headers[i].value) != 0)
            sc->counts[N_DATA_REFUSED]++;
        return;
    }
}

void attach_drop(struct sc *sc, struct call *c)
{
    struct data *d = pool_get(&sc->datas, c->data);

    if (d != NULL)
        pool_put(&sc->datas, d);
    c->data = HANDLE_NONE;
}
