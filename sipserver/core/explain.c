#include "sipserver/core/explain.h"

#include <errno.h>
#include <string.h>

#include "sipserver/core/dialplan.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/hunt.h"
#include "sipserver/core/route.h"

struct telling {
    struct sc *sc;
    struct call call; /* as if it were one */
    struct sip_str number;
    const char *class;
    void (*say)(void *arg, const struct sc_explained *line);
    void *arg;
};

static void tell(const struct telling *t, struct sc_explained line)
{
    t->say(t->arg, &line);
}

static const char *verdict_text(enum rule_verdict verdict)
{
    switch (verdict) {
    case RULE_HOLDS: return "holds";
    case RULE_OTHER_NUMBER: return "the pattern does not fit";
    case RULE_TOO_SHORT: return "the number is shorter than digits-min";
    case RULE_TOO_LONG: return "the number is longer than digits-max";
    case RULE_OTHER_CLASS: return "it is not for callers of this class";
    case RULE_NOTHING_LEFT: return "strip and prepend leave no usable number";
    }
    return "";
}

/* The rules whose pattern fits, in their order; the first that holds is HOLDS. */
static void tell_rules(const struct telling *t, const struct rule *holds, const char *instead)
{
    bool before = true;

    for (uint32_t i = 0; i < t->sc->rules_n; i++) {
        const struct rule *r = t->sc->rules_sorted[i];
        enum rule_verdict verdict = rule_judge(t->sc, r, t->class, t->number);
        struct sc_explained line = {.kind = SC_EXPLAINED_RULE, .why = verdict_text(verdict)};

        if (verdict == RULE_OTHER_NUMBER)
            continue;
        text_copy(line.name, sizeof(line.name), r->id);
        text_copy(line.pattern, sizeof(line.pattern), r->text);
        line.taken = r == holds;
        if (line.taken)
            (void)rule_number(r, t->number, line.number);
        else if (verdict == RULE_HOLDS)
            line.why = before ? instead : "another rule comes first";
        before = before && r != holds;
        tell(t, line);
    }
}

static void tell_prefixes(const struct telling *t, bool taken, const char *why)
{
    LIST_EACH(link, &t->sc->all_trunks)
    {
        const struct trunk *trunk = CONTAINER_OF(link, struct trunk, in_all);
        const struct dn *d = pool_get(&t->sc->dns, trunk->dn);
        const char *prefix = hunt_prefix(trunk, t->number);
        struct sc_explained line = {.kind = SC_EXPLAINED_PREFIX, .taken = taken, .why = why};

        if (prefix == NULL)
            continue;
        text_copy(line.name, sizeof(line.name), d->number);
        text_copy(line.pattern, sizeof(line.pattern), prefix);
        tell(t, line);
    }
}

static void tell_dn(const struct telling *t, const struct dn *d)
{
    struct sc_explained line = {.kind = SC_EXPLAINED_DN, .type = d->type, .taken = true, .why = ""};

    text_copy(line.name, sizeof(line.name), d->number);
    tell(t, line);
}

/* Every trunk that the call would be offered to, were none to take it. */
static void tell_trunks(struct telling *t, struct route route)
{
    while (route.kind == ROUTE_TRUNK) {
        const struct dn *d = pool_get(&t->sc->dns, route.trunk->dn);
        struct sc_explained line = {.kind = SC_EXPLAINED_TRUNK,
                                    .priority = route.trunk->priority,
                                    .weight = route.trunk->weight != 0 ? route.trunk->weight : 1,
                                    .taken = true,
                                    .why = ""};

        text_copy(line.name, sizeof(line.name), d->number);
        text_copy_str(line.number, sizeof(line.number),
                      route.number[0] != '\0' ? sip_str_of(route.number) : t->number);
        tell(t, line);
        (void)hunt_take(t->sc, &t->call, route.trunk);
        route = route_find(t->sc, &t->call, t->number);
    }
    if (route.kind == ROUTE_NOWHERE && t->call.tries_n == 0)
        tell(t, (struct sc_explained){
                    .kind = SC_EXPLAINED_END, .status = route.status, .why = route.reason});
}

static void explain(struct telling *t)
{
    const struct dn *d = dn_find(t->sc, t->number);
    struct route route = route_find(t->sc, &t->call, t->number);
    struct sc_explained line = {.kind = SC_EXPLAINED_NUMBER, .taken = true, .why = ""};

    if (d != NULL && d->type != SC_DN_TRUNK && d->type != SC_DN_SERVICE) {
        line.type = d->type;
        text_copy(line.name, sizeof(line.name), d->number);
        line.why = "a DN with that very number comes before every rule";
        tell(t, line);
        tell_rules(t, NULL, "the DN comes first");
        tell_prefixes(t, false, "the DN comes first");
        return;
    }
    tell_rules(t, route.rule, "a prefix is more specific");
    if (route.rule != NULL)
        tell_prefixes(t, false, "a rule that is as specific, or more, comes first");
    else if (strcmp(t->class, CLASS_EXTENSIONS) != 0)
        tell_prefixes(t, false, "prefixes are for callers of class extensions");
    else
        tell_prefixes(t, true, "prefix");
    if (route.dn != NULL && route.kind != ROUTE_TRUNK)
        tell_dn(t, route.dn);
    else
        tell_trunks(t, route);
}

int sc_explain(struct sc *sc, mono_t now, const char *from, const char *number,
               void (*say)(void *arg, const struct sc_explained *line), void *arg)
{
    struct dn *source = dn_find(sc, sip_str_of(from));
    struct telling t = {.sc = sc, .number = sip_str_of(number), .say = say, .arg = arg};

    if (source == NULL || (source->type != SC_DN_EXTENSION && source->type != SC_DN_TRUNK) ||
        t.number.len == 0 || t.number.len >= SC_NAME_SIZE)
        return -ENOENT;
    sc->now = now;
    t.class = class_of(source);
    t.call.source = pool_handle(&sc->dns, source);
    explain(&t);
    return 0;
}
