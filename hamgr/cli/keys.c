/* keys - the verb `keys`: which keys this host has, to be compared with the other hosts by eye. */
#include "hamgr/cli/cli.h"

#include "common/keys.h"
#include "hamgr/adapt/daemon.h"
#include <stdio.h>

int verb_keys(struct cli *cli)
{
    struct keys_entry entries[BOOTSTRAP_HOSTS_MAX];
    const struct bootstrap *b = &cli->bootstrap;
    struct ham_conf conf;
    char text[512];
    json_t *list;
    bool whole = true;

    if (daemon_conf(b, &conf, text, sizeof(text)) < 0) {
        fprintf(stderr, "%s\n", text);
        return CLI_USAGE;
    }
    list = json_array();
    keys_list(b, entries);
    for (uint32_t i = 0; i < b->host_count; i++) {
        const struct keys_entry *e = &entries[i];
        bool own = i == b->self;

        whole = whole && e->present && (!own || e->secret_present);
        json_array_append_new(list, json_pack("{s:s,s:b,s:b,s:s}", "host", e->host, "present",
                                              e->present, "secret", e->secret_present,
                                              "fingerprint", e->fingerprint));
        if (!cli->json)
            printf("%-12s %-24s %s%s\n", e->host, e->present ? e->fingerprint : "MISSING",
                   own ? "(this host)" : "",
                   own && !e->secret_present ? " its secret is missing" : "");
    }
    if (cli->json) {
        json_dumpf(list, stdout, JSON_INDENT(2));
        printf("\n");
    }
    json_decref(list);
    if (!whole)
        fprintf(stderr,
                "hamgr: keys are missing in %s; copy them from the folder that `hamgr init` made "
                "for this host\n",
                b->keys_dir);
    return whole ? CLI_DONE : CLI_REFUSED;
}
