#include "sipserver/adapt/maxima.h"

#include <stddef.h>

void maxima_merge(const Sf__Options *all, const Sf__Options *own, struct sc_maxima *m)
{
    const Sf__Options *const layers[] = {all, own};

    sc_maxima_default(m);
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
        const Sf__Options *o = layers[i];

        if (o == NULL)
            continue;
        m->calls = o->calls_max != 0 ? o->calls_max : m->calls;
        m->registrations = o->registrations_max != 0 ? o->registrations_max : m->registrations;
        m->transactions = o->transactions_max != 0 ? o->transactions_max : m->transactions;
        m->agents = o->agents_max != 0 ? o->agents_max : m->agents;
        m->rules = o->dial_rules_max != 0 ? o->dial_rules_max : m->rules;
        m->dns = o->dns_max != 0 ? o->dns_max : m->dns;
    }
}
