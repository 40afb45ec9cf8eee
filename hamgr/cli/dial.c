/* dial - where a number leads in a configuration, and why: a part of the verb `check`.
 *
 * The configuration is given to a core of the sipserver that never sees the network, and that core
 * is asked: what is told here is what a call would do, with every trunk in service.
 */
#include "hamgr/cli/cli.h"

#include "confproxy/adapt/client.h"
#include "sipserver/adapt/translate.h"
#include "sipserver/core/explain.h"
#include "sipserver/crypto/digest_openssl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACTIONS   128
#define DATAGRAMS 64
#define BYTES     (1u << 20)

struct desk {
    struct sc *sc;
    struct sc_conf conf;
    void *memory;
    struct digest_openssl *digest;
    mono_t now;
    struct sc_out out;
    unsigned trunks; /* told so far */
};

static void *room(size_t n, size_t size)
{
    void *memory = calloc(n, size);

    if (memory == NULL)
        abort();
    return memory;
}

static void step(struct desk *d, const struct sc_event *event)
{
    bool done;

    do {
        done = sc_step(d->sc, d->now, event, &d->out);
        sip_out_clear(&d->out.sip); /* nothing leaves */
        d->out.n = 0;
    } while (!done);
}

static void open_desk(struct desk *d, uint32_t objects)
{
    d->digest = digest_openssl_new();
    if (d->digest == NULL)
        abort();
    d->conf.maxima = (struct sc_maxima){.calls = 1,
                                        .registrations = 1,
                                        .transactions = objects + 16,
                                        .agents = 1,
                                        .dns = objects + 1,
                                        .rules = objects + 1};
    d->conf.t1_ms = 500;
    d->conf.digest = digest_openssl_ops(d->digest);
    (void)sip_addr_parse(SIP_STR("127.0.0.1"), 5060, SIP_UDP, &d->conf.local);
    d->memory = room(1, sc_size(&d->conf));
    d->now = mono_add_ms(MONO_ZERO, 1000);
    d->sc = sc_init(d->memory, &d->conf, 1, d->now);
    d->out.max = ACTIONS;
    d->out.actions = room(ACTIONS, sizeof(*d->out.actions));
    sip_out_init(&d->out.sip, room(DATAGRAMS, sizeof(struct sip_dgram)), DATAGRAMS, room(1, BYTES),
                 BYTES);
}

static void close_desk(struct desk *d)
{
    free(d->out.actions);
    free(d->out.sip.items);
    free(d->out.sip.arena);
    free(d->memory);
    digest_openssl_destroy(&d->digest);
}

static void load(struct desk *d, const struct client_changes *changes, const char *site)
{
    step(d, &(struct sc_event){.kind = SC_EV_CONF_BEGIN});
    for (size_t i = 0; i < changes->count; i++) {
        const Sf__ConfObject *o = changes->changes[i]->object;
        struct sc_rule_conf rule;
        struct sc_dn_conf dn;

        if (o->object_case == SF__CONF_OBJECT__OBJECT_DN &&
            translate_here(o->dn->sites, o->dn->n_sites, site) && translate_dn(o->dn, &dn) == NULL)
            step(d, &(struct sc_event){.kind = SC_EV_CONF_DN, .dn = &dn});
        else if (o->object_case == SF__CONF_OBJECT__OBJECT_RULE &&
                 translate_here(o->rule->sites, o->rule->n_sites, site) &&
                 translate_rule(o->rule, &rule) == NULL)
            step(d, &(struct sc_event){.kind = SC_EV_CONF_RULE, .rule = &rule});
    }
    step(d, &(struct sc_event){.kind = SC_EV_CONF_LOADED});
    step(d, &(struct sc_event){.kind = SC_EV_ROLE, .primary = true, .epoch = 1});
    step(d, &(struct sc_event){.kind = SC_EV_TICK}); /* the watch of the trunks begins */
}

static const char *type_word(enum sc_dn_type type)
{
    switch (type) {
    case SC_DN_EXTENSION: return "extension";
    case SC_DN_QUEUE: return "acd-queue";
    case SC_DN_ROUTING_POINT: return "routing-point";
    case SC_DN_TRUNK: return "trunk";
    case SC_DN_SERVICE: return "service";
    }
    return "DN";
}

static void say(void *arg, const struct sc_explained *line)
{
    struct desk *d = arg;
    const char *mark = line->taken ? "TAKEN " : "passed";

    switch (line->kind) {
    case SC_EXPLAINED_NUMBER:
        printf("  %s number %s, %s: %s\n", mark, line->name, type_word(line->type), line->why);
        return;
    case SC_EXPLAINED_RULE:
        if (line->taken)
            printf("  %s rule '%s', pattern %s: the number becomes %s\n", mark, line->name,
                   line->pattern, line->number);
        else
            printf("  %s rule '%s', pattern %s: %s\n", mark, line->name, line->pattern, line->why);
        return;
    case SC_EXPLAINED_PREFIX:
        printf("  %s prefix %s of trunk %s%s%s\n", mark, line->pattern, line->name,
               line->taken ? "" : ": ", line->taken ? "" : line->why);
        return;
    case SC_EXPLAINED_DN:
        printf("  the call is for %s, %s\n", line->name, type_word(line->type));
        return;
    case SC_EXPLAINED_TRUNK:
        printf("  trunk %u: %s, asked for %s (priority %u, weight %u)\n", ++d->trunks, line->name,
               line->number, line->priority, line->weight);
        return;
    case SC_EXPLAINED_END: printf("  refused with %u: %s\n", line->status, line->why); return;
    }
}

/* Who dials when the operator does not say: the first extension at SITE. */
static const char *first_extension(const struct client_changes *changes, const char *site)
{
    for (size_t i = 0; i < changes->count; i++) {
        const Sf__ConfObject *o = changes->changes[i]->object;

        if (o->object_case == SF__CONF_OBJECT__OBJECT_DN &&
            o->dn->type == SF__DN_TYPE__DN_EXTENSION &&
            translate_here(o->dn->sites, o->dn->n_sites, site))
            return o->dn->number;
    }
    return NULL;
}

static bool site_known(const struct bootstrap *b, const char *site)
{
    for (uint32_t i = 0; i < b->site_count; i++)
        if (strcmp(b->sites[i].name, site) == 0)
            return true;
    return false;
}

static int explain(const struct cli *cli, const struct client_changes *changes, const char *site)
{
    const char *from = cli->from != NULL ? cli->from : first_extension(changes, site);
    struct desk d = {0};
    int r;

    if (from == NULL) {
        fprintf(stderr, "hamgr: there is no extension at site %s; say who dials with --from DN\n",
                site);
        return CLI_REFUSED;
    }
    open_desk(&d, (uint32_t)changes->count);
    load(&d, changes, site);
    printf("%s dialled by %s at site %s:\n", cli->number, from, site);
    r = sc_explain(d.sc, d.now, from, cli->number, say, &d);
    close_desk(&d);
    if (r == 0)
        return CLI_DONE;
    fprintf(stderr,
            "hamgr: '%s' is no extension and no trunk at site %s, or '%s' is no number; name a DN "
            "that can call with --from\n",
            from, site, cli->number);
    return CLI_REFUSED;
}

int cli_check_number(const struct cli *cli, const char *file)
{
    const struct bootstrap *b = &cli->bootstrap;
    const struct bootstrap_site *own = bootstrap_self_site(b);
    const char *site = cli->site != NULL ? cli->site : own != NULL ? own->name : "";
    struct client_changes changes = {0};
    struct conf_errors errors;
    int r;

    if (!site_known(b, site)) {
        fprintf(stderr, "hamgr: there is no site '%s'; name one of %s with --site\n", site,
                b->file);
        return CLI_USAGE;
    }
    if (client_parse(file, b, &changes, &errors) != 0)
        return CLI_REFUSED; /* told before */
    r = explain(cli, &changes, site);
    client_changes_free(&changes);
    return r;
}
