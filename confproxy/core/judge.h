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

/* judge_place - where in j->order the item stands; j->set->count when there is none. */
size_t judge_place(const struct judge *j, enum cfg_type type, const char *id);

/* judge_first - where in j->order the items of TYPE begin. */
size_t judge_first(const struct judge *j, enum cfg_type type);

/* judge_sites - each site that FIELD of item I names must be there. */
void judge_sites(struct judge *j, size_t i, enum cfg_field_id field);

/* judge_type_of - the type of a DN.
 * judge_type_word - the same in words. */
enum cfg_dn_type judge_type_of(const struct cfg_item *dn);
const char *judge_type_word(const struct cfg_item *dn);

/* judge_exists_at - is DN there at SITE?  A DN without sites is at every one. */
bool judge_exists_at(const struct cfg_item *dn, const char *site);

/* judge_need_dn - the DN that FIELD of item I names must exist and be of one of DN_TYPES (in words:
 * WANTED); NULL: it is not. */
const struct cfg_item *judge_need_dn(struct judge *j, size_t i, enum cfg_field_id field,
                                     const char *number, uint32_t dn_types, const char *wanted);

/* judge_has_rule - the pattern of some rule fits NUMBER. */
bool judge_has_rule(const struct judge *j, const char *number);

/* judge_dn - a DN, alone and with those that it names. */
void judge_dn(struct judge *j, size_t i);

/* judge_timeouts - those that must fit together, where they are set: for every site together, then
 * for each site and trunk that overrides. */
void judge_timeouts(struct judge *j);

/* judge_rule - a rule of the dial plan, alone and against the others. */
void judge_rule(struct judge *j, size_t i);

#endif
