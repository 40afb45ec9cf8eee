#include "sipserver/core/dialplan.h"

#include <string.h>

#include "sipserver/core/dn.h"
#include "sipserver/core/report.h"

/* ---- the rules in their order ---- */

static struct rule *find(const struct sc *sc, const char *id, uint32_t *ret_place)
{
    for (uint32_t i = 0; i < sc->rules_n; i++) {
        if (!text_eq(sc->rules_sorted[i]->id, id))
            continue;
        *ret_place = i;
        return sc->rules_sorted[i];
    }
    return NULL;
}

/* A comes before B. */
static bool precedes(const struct rule *a, const struct rule *b)
{
    int order = pattern_compare(&a->pattern, &b->pattern);

    if (order == 0)
        order = (int)a->order - (int)b->order;
    return order < 0 || (order == 0 && strcmp(a->id, b->id) < 0);
}

static void take_out(struct sc *sc, uint32_t place)
{
    sc->rules_n--;
    memmove(&sc->rules_sorted[place], &sc->rules_sorted[place + 1],
            (sc->rules_n - place) * sizeof(sc->rules_sorted[0]));
}

static void put_in(struct sc *sc, struct rule *r)
{
    uint32_t place = sc->rules_n;

    for (; place > 0 && precedes(r, sc->rules_sorted[place - 1]); place--)
        sc->rules_sorted[place] = sc->rules_sorted[place - 1];
    sc->rules_sorted[place] = r;
    sc->rules_n++;
}

void rule_configure(struct sc *sc, const struct sc_rule_conf *conf)
{
    struct pattern pattern;
    const char *fault = pattern_parse(conf->pattern, &pattern);
    uint32_t place;
    struct rule *r = find(sc, conf->id, &place);

    if (r != NULL)
        take_out(sc, place);
    else
        r = pool_take(&sc->rules, NULL);
    if (r == NULL) {
        sc->counts[N_RULES_FULL]++;
        report_note(sc, SC_NOTE_OVERLOAD, conf->id, NULL, NULL,
                    "dial rule left out: dial-rules-max is reached");
        return;
    }
    if (fault != NULL) { /* the schema lets none by */
        report_note(sc, SC_NOTE_CONF, conf->id, NULL, NULL,
                    "dial rule left out: its pattern is none");
        pool_put(&sc->rules, r);
        return;
    }
    text_copy(r->id, sizeof(r->id), conf->id);
    text_copy(r->text, sizeof(r->text), conf->pattern);
    text_copy(r->prepend, sizeof(r->prepend), conf->prepend);
    r->pattern = pattern;
    r->digits_min = conf->digits_min;
    r->digits_max = conf->digits_max;
    r->strip = conf->strip;
    r->order = conf->order;
    r->share = conf->share;
    r->to_n = conf->to_n;
    r->from_n = conf->from_n;
    memcpy(r->to, conf->to, sizeof(r->to));
    memcpy(r->from, conf->from, sizeof(r->from));
    r->seen = sc->seen;
    put_in(sc, r);
}

void rule_delete(struct sc *sc, const char *id)
{
    uint32_t place;
    struct rule *r = find(sc, id, &place);

    if (r == NULL)
        return;
    take_out(sc, place);
    pool_put(&sc->rules, r);
}

void rules_sweep(struct sc *sc)
{
    for (uint32_t i = sc->rules_n; i-- > 0;) {
        struct rule *r = sc->rules_sorted[i];

        if (r->seen == sc->seen)
            continue;
        take_out(sc, i);
        pool_put(&sc->rules, r);
    }
}

/* ---- which one holds ---- */

const char *class_of(const struct dn *d)
{
    if (d->calling_class[0] != '\0')
        return d->calling_class;
    return d->type == SC_DN_TRUNK ? CLASS_TRUNKS : CLASS_EXTENSIONS;
}

bool rule_leads_out(const struct sc *sc, const struct rule *r)
{
    const struct dn *d = r->to_n > 0 ? dn_find(sc, sip_str_of(r->to[0])) : NULL;

    return d != NULL && d->type == SC_DN_TRUNK;
}

/* Without a word about callers a rule that leads out is for the phones: nobody shall dial through
 * us from one trunk to another unless that was meant. */
static bool is_for(const struct sc *sc, const struct rule *r, const char *class)
{
    for (uint32_t i = 0; i < r->from_n; i++)
        if (text_eq(r->from[i], class))
            return true;
    return r->from_n == 0 && (!rule_leads_out(sc, r) || text_eq(class, CLASS_EXTENSIONS));
}

bool rule_number(const struct rule *r, struct sip_str number, char text[SC_NAME_SIZE])
{
    struct sip_buf b;

    if (r->strip > number.len)
        return false;
    sip_buf_init(&b, text, SC_NAME_SIZE - 1);
    sip_put_text(&b, r->prepend);
    sip_put(&b, (struct sip_str){number.p + r->strip, number.len - r->strip});
    text[b.len] = '\0';
    return b.len > 0 && !b.overflow;
}

enum rule_verdict rule_judge(const struct sc *sc, const struct rule *r, const char *class,
                             struct sip_str number)
{
    char text[SC_NAME_SIZE];

    if (!pattern_fits(&r->pattern, number.p, number.len))
        return RULE_OTHER_NUMBER;
    if (number.len < r->digits_min)
        return RULE_TOO_SHORT;
    if (r->digits_max != 0 && number.len > r->digits_max)
        return RULE_TOO_LONG;
    if (!is_for(sc, r, class))
        return RULE_OTHER_CLASS;
    return rule_number(r, number, text) ? RULE_HOLDS : RULE_NOTHING_LEFT;
}

const struct rule *rule_find(const struct sc *sc, const char *class, struct sip_str number)
{
    for (uint32_t i = 0; i < sc->rules_n; i++)
        if (rule_judge(sc, sc->rules_sorted[i], class, number) == RULE_HOLDS)
            return sc->rules_sorted[i];
    return NULL;
}
