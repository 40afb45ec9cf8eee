/* explain - where a number would lead, step by step, by the same code that leads calls: for people.
 *
 * Nothing is sent and nobody is called, but weights are drawn: for a core of one's own.
 */
#ifndef SIPSERVER_CORE_EXPLAIN_H
#define SIPSERVER_CORE_EXPLAIN_H

#include "sipserver/core/core.h"

enum sc_explained_kind {
    SC_EXPLAINED_NUMBER, /* name: the DN with that very number */
    SC_EXPLAINED_RULE,   /* name: of a rule whose pattern fits */
    SC_EXPLAINED_PREFIX, /* name: a trunk with a prefix that fits */
    SC_EXPLAINED_DN,     /* name: the call is for that DN */
    SC_EXPLAINED_TRUNK,  /* name: the trunk that is tried next, with the number as it is sent */
    SC_EXPLAINED_END,    /* refused with STATUS */
};

struct sc_explained {
    enum sc_explained_kind kind;
    char name[SC_NAME_SIZE];
    char pattern[SC_NAME_SIZE]; /* RULE, PREFIX */
    char number[SC_NAME_SIZE];  /* RULE that holds: as the number becomes; TRUNK: as it is sent */
    bool taken;
    unsigned status;
    enum sc_dn_type type; /* DN, NUMBER */
    uint32_t priority, weight;
    const char *why; /* a constant */
};

/* sc_explain - tell SAY where NUMBER, dialled by DN FROM (an extension or trunk), leads.
 * Returns: 0; -ENOENT there is no such DN that can call. */
int sc_explain(struct sc *sc, mono_t now, const char *from, const char *number,
               void (*say)(void *arg, const struct sc_explained *line), void *arg);

#endif
