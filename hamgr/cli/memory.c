/* memory - what the sipserver will reserve for the maxima of a configuration: a part of the verb
 * `check`. */
#include "hamgr/cli/cli.h"

#include "confproxy/adapt/client.h"
#include "sipserver/adapt/maxima.h"
#include "sipserver/core/memory.h"
#include <stdio.h>
#include <string.h>

static double mib(uint64_t bytes)
{
    return (double)bytes / (1 << 20);
}

void cli_check_memory(const struct bootstrap *b, const char *file)
{
    const struct bootstrap_site *site = bootstrap_self_site(b);
    const Sf__Options *all = NULL, *own = NULL;
    struct client_changes changes = {0};
    struct conf_errors errors;
    struct sc_maxima maxima;
    struct sc_memory m;

    if (site == NULL)
        return; /* the arbiter has no sipserver */
    if (file != NULL && client_parse(file, b, &changes, &errors) != 0)
        return; /* its faults are told elsewhere */
    for (size_t i = 0; i < changes.count; i++) {
        const Sf__ConfObject *object = changes.changes[i]->object;

        if (object->object_case != SF__CONF_OBJECT__OBJECT_OPTIONS)
            continue;
        if (object->options->site[0] == '\0')
            all = object->options;
        else if (strcmp(object->options->site, site->name) == 0)
            own = object->options;
    }
    maxima_merge(all, own, &maxima);
    sc_memory(&maxima, &m);
    printf("ok     %-16s the tables of the sipserver take %llu bytes (%.1f MiB) at most, with the "
           "maxima of %s:\n"
           "                        %u calls %.1f MiB, %u registrations %.1f MiB, %u transactions "
           "%.1f MiB,\n"
           "                        %u agents %.1f MiB, %u DNs %.1f MiB, %u dial rules %.1f MiB, "
           "fixed %.1f MiB; touched "
           "as they are used\n",
           "memory", (unsigned long long)m.total, mib(m.total),
           file != NULL ? file : "no file, the defaults", maxima.calls, mib(m.calls),
           maxima.registrations, mib(m.registrations), maxima.transactions, mib(m.transactions),
           maxima.agents, mib(m.agents), maxima.dns, mib(m.dns), maxima.rules, mib(m.rules),
           mib(m.fixed));
    client_changes_free(&changes);
}
