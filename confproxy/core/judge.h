/* judge - what the files of validate share.  Private to confproxy/core. */
#ifndef CONFPROXY_CORE_JUDGE_H
#define CONFPROXY_CORE_JUDGE_H

#include "confproxy/core/validate.h"

struct judge {
    const struct cfg_set *set;
    size_t *order; /* the items by type and id */
    struct cfg_problem *problems;
    size_t max;
    size_t found;
};

/* problem - FIELD of item ITEM is wrong. */
void problem(struct judge *j, size_t item, enum cfg_field_id field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* judge_find - the item of TYPE with ID; NULL. */
const struct cfg_item *judge_find(const struct judge *j, enum cfg_type type, const char *id);

/* judge_first - where in j->order the items of TYPE begin. */
size_t judge_first(const struct judge *j, enum cfg_type type);

/* judge_sites - each site that FIELD of item I names must be there. */
void judge_sites(struct judge *j, size_t i, enum cfg_field_id field);

/* judge_has_rule - the pattern of some rule fits NUMBER. */
bool judge_has_rule(const struct judge *j, const char *number);

/* judge_rule - a rule of the dial plan, alone and against the others. */
void judge_rule(struct judge *j, size_t i);

#endif
