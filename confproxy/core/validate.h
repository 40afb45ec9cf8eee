/* validate - is a whole configuration sound?  Each object for itself, the references between them,
 * and the timeouts of every site against one another (C-9).
 *
 * It judges the complete set, as it would be after a change: a change that leaves a dangling
 * reference behind is wrong although each of its objects is right.  Refused whole: one problem is
 * enough, but all are told, each with the object, the field, what is wrong and the mend.
 *
 * Owns:   nothing; items and scratch memory are the caller's.
 * Errors: problems are values.
 */
#ifndef CONFPROXY_CORE_VALIDATE_H
#define CONFPROXY_CORE_VALIDATE_H

#include "confproxy/core/schema.h"

#define CFG_PROBLEM_TEXT_MAX 300

struct cfg_problem {
    size_t item;                     /* index into the items */
    enum cfg_field_id field;         /* FIELD_COUNT: the object as a whole */
    char text[CFG_PROBLEM_TEXT_MAX]; /* what is wrong; the mend */
};

struct cfg_set {
    const struct cfg_item *items;
    size_t count;
    const char *const *sites;     /* names of the deployment's sites */
    size_t site_count;            /* 0: not known, sites are not checked */
    const char *const *addresses; /* the site address of each of sites; NULL: not known */
};

/* cfg_validate - judge SET.
 *
 * ORDER is scratch memory for SET->count indices.
 * Returns: how many problems there are; the first MAX of them are in PROBLEMS.
 */
size_t cfg_validate(const struct cfg_set *set, size_t *order, struct cfg_problem *problems,
                    size_t max);

/* cfg_option - what option FIELD (a number, duration, word or bool) is at SITE: the site's own
 * object, else that for every site, else the default. */
uint64_t cfg_option(const struct cfg_set *set, const char *site, enum cfg_field_id field);

#endif
