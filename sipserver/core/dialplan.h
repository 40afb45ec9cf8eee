/* dialplan - the rules that say where a dialled number leads when no DN has it.
 *
 * Rules are kept in the order in which they hold: the more specific pattern first
 * (common/pattern.h), then the lower order, then the id.  The first one that fits the number and is
 * for the caller's class holds; what it leads to, or that it leads nowhere, is final.  A trunk's
 * prefix counts as a pattern of its own, for the class "extensions", behind a rule that is as
 * specific.
 */
#ifndef SIPSERVER_CORE_DIALPLAN_H
#define SIPSERVER_CORE_DIALPLAN_H

#include "sipserver/core/state.h"

#define CLASS_EXTENSIONS "extensions" /* of an extension that names no calling-class */
#define CLASS_TRUNKS     "trunks"     /* of a trunk that names none */

void rule_configure(struct sc *sc, const struct sc_rule_conf *conf);
void rule_delete(struct sc *sc, const char *id);

/* rules_sweep - delete what the whole configuration that was just read does not name. */
void rules_sweep(struct sc *sc);

/* class_of - who D is to the rules. */
const char *class_of(const struct dn *d);

enum rule_verdict {
    RULE_HOLDS,
    RULE_OTHER_NUMBER, /* the pattern does not fit */
    RULE_TOO_SHORT,
    RULE_TOO_LONG,
    RULE_OTHER_CLASS,  /* not for this caller */
    RULE_NOTHING_LEFT, /* it would strip the whole number, or make it too long */
};

/* rule_judge - would R hold for NUMBER, dialled by one of CLASS? */
enum rule_verdict rule_judge(const struct sc *sc, const struct rule *r, const char *class,
                             struct sip_str number);

/* rule_find - the rule that holds; NULL when none does. */
const struct rule *rule_find(const struct sc *sc, const char *class, struct sip_str number);

/* rule_number - NUMBER, which R fits, as R makes it; into TEXT.  False: nothing is left, or too
 * much. */
bool rule_number(const struct rule *r, struct sip_str number, char text[SC_NAME_SIZE]);

/* rule_leads_out - R leads out of the site: its targets are trunks. */
bool rule_leads_out(const struct sc *sc, const struct rule *r);

#endif
