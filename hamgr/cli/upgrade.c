/* upgrade - `hamgr upgrade-check`: may the hosts be upgraded one after the other now, and how? */
#include "hamgr/cli/cli.h"

#include "hamgr/core/upgrade.h"
#include "proto/version.h"
#include <stdio.h>
#include <string.h>

struct check {
    struct cli *cli;
    struct upgrade_host hosts[HAM_HOSTS_MAX];
    const char *name[HAM_HOSTS_MAX];
    uint8_t n;
    struct upgrade_verdict verdict;
};

static bool says(const json_t *object, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value != NULL && strcmp(value, text) == 0;
}

static bool is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static uint8_t site_of(const struct bootstrap *b, const json_t *host)
{
    for (uint32_t s = 0; s < b->site_count; s++)
        if (says(host, "site", b->sites[s].name))
            return (uint8_t)s;
    return HAM_NONE;
}

static void see(struct check *c, const json_t *status)
{
    const bool paused = is_true(json_object_get(status, "switchover"), "paused");
    const json_t *host, *wire;
    const char *process;
    size_t i;

    json_array_foreach(json_object_get(status, "hosts"), i, host)
    {
        struct upgrade_host *h = &c->hosts[c->n];
        unsigned p = 0;

        if (c->n == HAM_HOSTS_MAX)
            return;
        c->name[c->n++] = json_string_value(json_object_get(host, "host"));
        *h = (struct upgrade_host){
            .site = site_of(&c->cli->bootstrap, host),
            .alive = is_true(host, "alive"),
            .primary = is_true(host, "alive") && says(host, "role", "PRIMARY"),
            .writer = is_true(host, "writer"),
            .ready = is_true(host, "ready"),
            .well = says(host, "health", "good"),
            .paused = paused &&
                      json_equal(json_object_get(host, "host"), json_object_get(status, "self")),
        };
        json_object_foreach(json_object_get(host, "wire"), process, wire)
        {
            if (p < UPGRADE_PROCESSES)
                h->wire[p++] = (uint32_t)json_integer_value(wire);
        }
    }
}

static void tell(const struct check *c)
{
    const struct upgrade_verdict *v = &c->verdict;

    if (v->findings > 0)
        printf("not now: the hosts must not be upgraded one after the other yet\n");
    else if (v->steps == 0)
        printf("nothing is left to do: every process speaks wire version %u\n", v->newest);
    else if (v->oldest != v->newest)
        printf("under way: wire versions %u and %u work together; what is left, one at a time:\n",
               v->oldest, v->newest);
    else
        printf("now is a good time: all is whole, wire version %u everywhere.  Upgrade to version "
               "%u or %u, one at a time:\n",
               v->newest, v->newest, v->newest + 1);
    for (unsigned i = 0; i < v->findings; i++) {
        enum upgrade_reason reason = (enum upgrade_reason)v->finding[i].reason;

        printf("  %s %s; %s\n", c->name[v->finding[i].host], upgrade_text(reason),
               upgrade_mend(reason));
    }
    for (unsigned i = 0; i < v->steps; i++) {
        const char *name = c->name[v->step[i].host];

        if (v->step[i].switchover)
            printf("  %u. `hamgr switchover --wait` at its primary: the role goes to %s\n", i + 1,
                   name);
        else
            printf("  %u. %s: stop it in good order, install, start it; then `hamgr upgrade-check` "
                   "again\n",
                   i + 1, name);
    }
}

static void tell_json(const struct check *c)
{
    const struct upgrade_verdict *v = &c->verdict;
    json_t *reasons = json_array(), *steps = json_array(), *all;

    for (unsigned i = 0; i < v->findings; i++) {
        enum upgrade_reason reason = (enum upgrade_reason)v->finding[i].reason;

        json_array_append_new(
            reasons, json_pack("{s:s,s:s,s:s}", "host", c->name[v->finding[i].host], "reason",
                               upgrade_text(reason), "mend", upgrade_mend(reason)));
    }
    for (unsigned i = 0; i < v->steps; i++)
        json_array_append_new(steps,
                              json_pack("{s:s,s:s}", "host", c->name[v->step[i].host], "do",
                                        v->step[i].switchover ? "switchover to it" : "upgrade"));
    all = json_pack("{s:b,s:I,s:I,s:I,s:o,s:o}", "may", v->findings == 0, "oldest",
                    (json_int_t)v->oldest, "newest", (json_int_t)v->newest, "own",
                    (json_int_t)WIRE_VERSION, "reasons", reasons, "steps", steps);
    json_dumpf(all, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(all);
}

static void on_status(void *arg, int code, const char *text, const json_t *json)
{
    struct check *c = arg;

    if (code != 0 || json == NULL) {
        fprintf(stderr, "hamgr: %s\n", text);
        return;
    }
    see(c, json);
    upgrade_judge(c->hosts, c->n, &c->verdict);
    (c->cli->json ? tell_json : tell)(c);
}

int verb_upgrade_check(struct cli *cli)
{
    static const char *const none[] = {NULL};
    struct check c = {.cli = cli};
    int r = cli_ask(cli, "status", none, on_status, &c);

    return r != CLI_DONE ? r : c.verdict.findings > 0 ? CLI_REFUSED : CLI_DONE;
}
