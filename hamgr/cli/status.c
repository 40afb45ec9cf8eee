/* status - the verbs that ask this host's hamgr: status, events, switchover, site promote. */
#include "hamgr/cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static bool truth_of(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static void print_host(const json_t *host)
{
    char age[32], epoch[24];

    snprintf(epoch, sizeof(epoch), "-");
    if (number_of(host, "epoch") > 0)
        snprintf(epoch, sizeof(epoch), "%lld", number_of(host, "epoch"));
    if (truth_of(host, "alive"))
        snprintf(age, sizeof(age), "%lld ms", number_of(host, "age_ms"));
    else
        snprintf(age, sizeof(age), "SILENT");
    if (truth_of(host, "arbiter")) {
        printf("%-10s %-8s %-8s\n", text_of(host, "host"), "arbiter", age);
        return;
    }
    printf("%-10s %-8s %-8s %6s  %-10s %-8s %s%lld.%lld/%-5lld %s\n", text_of(host, "host"),
           truth_of(host, "alive") ? text_of(host, "role") : "-", age, epoch,
           text_of(host, "mode")[0] != '\0' && strcmp(text_of(host, "role"), "PRIMARY") == 0
               ? text_of(host, "mode")
               : "-",
           truth_of(host, "alive") ? text_of(host, "health") : "-",
           truth_of(host, "writer") ? "writer " : "copy   ", number_of(host, "conf_epoch") >> 32,
           number_of(host, "conf_epoch") & UINT32_MAX, number_of(host, "conf_txid"),
           text_of(host, "components"));
}

/* A disk that is slow or refuses writes; the host goes on. */
static void print_disk(const json_t *host)
{
    const char *disk = text_of(host, "disk");

    if (truth_of(host, "alive") && disk[0] != '\0' && strcmp(disk, "good") != 0)
        printf("ALARM: the disk of %s is %s for %lld s: %s\n", text_of(host, "host"), disk,
               number_of(host, "disk_for_ms") / 1000, text_of(host, "disk_why"));
}

static void print_fence(const json_t *fence)
{
    if (truth_of(fence, "up"))
        printf("fence of this host: up, %lld renewals (slowest %lld us; %lld slow, %lld late, %lld "
               "refused)\n",
               number_of(fence, "renewals"), number_of(fence, "slowest_us"),
               number_of(fence, "slow"), number_of(fence, "late"), number_of(fence, "failed"));
    else
        printf("%sfence of this host: none (%s)\n", truth_of(fence, "alarm") ? "ALARM: " : "",
               text_of(fence, "why_not"));
}

/* The copy of calls, registrations and agents, and whether a switchover would lose nothing. */
static void print_switchover(const json_t *status)
{
    const json_t *s = json_object_get(status, "switchover");

    if (s == NULL)
        return;
    printf("ready for switchover: %s%s%s", truth_of(s, "ready") ? "yes" : "no",
           truth_of(s, "ready") ? "" : ", because ", text_of(s, "why"));
    if (text_of(s, "copy")[0] != '\0')
        printf(" (copy %s, %lld objects, digest %s)", text_of(s, "copy"), number_of(s, "objects"),
               text_of(s, "digest"));
    printf("\n");
    if (truth_of(s, "paused"))
        printf("paused: this host takes and gives no role by itself, until `hamgr resume`\n");
    if (number_of(s, "moves") > 0)
        printf("automatic moves of late: %lld of %lld%s\n", number_of(s, "moves"),
               number_of(s, "moves_most"),
               number_of(s, "moves") >= number_of(s, "moves_most")
                   ? "; the role stays, until `hamgr acknowledge`"
                   : "");
    if (truth_of(s, "solo"))
        printf("ALARM: solo: this host serves without its backup, which lacks what came since\n");
    if (truth_of(s, "stale"))
        printf("ALARM: promoted stale: what the predecessor sent alone, from batch %lld of epoch "
               "%lld on, is lost\n",
               number_of(s, "lacks_sequence"), number_of(s, "lacks_epoch"));
}

/* Votes that are not where they usually are. */
static void print_vote(const json_t *vote)
{
    if (truth_of(vote, "lent"))
        printf("vote of this host: lent to the other host since this one was stopped; it takes no "
               "role until that has given it back\n");
    if (text_of(vote, "borrowed_of")[0] != '\0')
        printf("vote of %s: lent to this host, since that one was stopped in good order\n",
               text_of(vote, "borrowed_of"));
}

static void print_last_resort(const json_t *resort)
{
    if (truth_of(resort, "serves"))
        printf("ALARM: last resort: this host serves with no majority behind it (%s)\n",
               text_of(resort, "probed"));
    else if (resort != NULL && strcmp(text_of(resort, "state"), "OFF") != 0)
        printf("last resort: neither the other host nor the witness is heard (%s)%s%s\n",
               text_of(resort, "state"), text_of(resort, "probed")[0] != '\0' ? "; " : "",
               text_of(resort, "probed"));
}

static void print_status(const json_t *status)
{
    const json_t *item;
    size_t i;

    printf("cluster %s, seen from %s\n\n", text_of(status, "cluster"), text_of(status, "self"));
    printf("%-10s %-8s %-8s %6s  %-10s %-8s %-18s %s\n", "HOST", "ROLE", "HEARD", "EPOCH", "MODE",
           "HEALTH", "CONFIGURATION", "COMPONENTS");
    json_array_foreach(json_object_get(status, "hosts"), i, item) print_host(item);
    printf("\n");
    json_array_foreach(json_object_get(status, "sites"), i, item)
    {
        if (strcmp(text_of(item, "judgement"), "self") == 0)
            printf("site %-8s %s  (this site)\n", text_of(item, "site"),
                   text_of(item, "site_address"));
        else
            printf("site %-8s %s  judged %s: %s\n", text_of(item, "site"),
                   text_of(item, "site_address"), text_of(item, "judgement"),
                   text_of(item, "evidence"));
    }
    json_array_foreach(json_object_get(status, "hosts"), i, item)
    {
        if (strcmp(text_of(item, "role"), "PRIMARY") == 0 && text_of(item, "mode")[0] != '\0')
            printf("mode of %-5s %s: %s\n", text_of(item, "site"), text_of(item, "mode"),
                   text_of(item, "mode_reason"));
    }
    json_array_foreach(json_object_get(status, "hosts"), i, item) print_disk(item);
    printf("configuration ticket: %s, epoch %lld\n",
           text_of(json_object_get(status, "ticket"), "site"),
           number_of(json_object_get(status, "ticket"), "epoch"));
    print_fence(json_object_get(status, "fence"));
    print_switchover(status);
    print_vote(json_object_get(status, "vote"));
    print_last_resort(json_object_get(status, "last_resort"));
}

static void on_status(void *arg, int code, const char *text, const json_t *json)
{
    const struct cli *cli = arg;

    if (cli->json || json == NULL || code != 0)
        cli_print(arg, code, text, json);
    else
        print_status(json);
}

int verb_status(struct cli *cli)
{
    static const char *const none[] = {NULL};

    return cli_ask(cli, "status", none, on_status, cli);
}

int verb_events(struct cli *cli)
{
    const char *const arguments[] = {cli->follow ? "--follow" : NULL, NULL};

    return cli_ask(cli, "events", arguments, cli_print, cli);
}

/* ---- planned moves ---- */

struct waiting {
    const char *site;
    char primary[64], writer_site[64];
};

static void look(void *arg, int code, const char *text, const json_t *json)
{
    struct waiting *w = arg;
    const json_t *host;
    size_t i;

    (void)code;
    (void)text;
    w->primary[0] = w->writer_site[0] = '\0';
    json_array_foreach(json_object_get(json, "hosts"), i, host)
    {
        if (strcmp(text_of(host, "site"), w->site) == 0 &&
            strcmp(text_of(host, "role"), "PRIMARY") == 0)
            snprintf(w->primary, sizeof(w->primary), "%s", text_of(host, "host"));
        if (truth_of(host, "writer"))
            snprintf(w->writer_site, sizeof(w->writer_site), "%s", text_of(host, "site"));
    }
}

static void pause_ms(long ms)
{
    const struct timespec span = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&span, NULL);
}

/* Ask for VERB at this host's site, and with --wait look until it has happened or the timeout is
 * over. */
static int move(struct cli *cli, const char *verb, bool switchover)
{
    static const char *const none[] = {NULL};
    const struct bootstrap_site *site = bootstrap_self_site(&cli->bootstrap);
    const char *const arguments[] = {cli->argc > 0 ? cli->argv[0] : NULL, NULL};
    struct waiting before = {0}, now = {0};
    int r;

    if (site == NULL) {
        fprintf(stderr, "hamgr: the arbiter has no site; ask a host of the site, with --self\n");
        return CLI_USAGE;
    }
    before.site = now.site = site->name;
    r = cli->wait ? cli_ask(cli, "status", none, look, &before) : CLI_DONE;
    if (r == CLI_DONE)
        r = cli_ask(cli, verb, arguments, cli_print, cli);
    for (uint32_t waited = 0; r == CLI_DONE && cli->wait; waited += 100) {
        r = cli_ask(cli, "status", none, look, &now);
        if (r != CLI_DONE)
            return r;
        if (switchover ? now.primary[0] != '\0' && strcmp(now.primary, before.primary) != 0
                       : strcmp(now.writer_site, site->name) == 0) {
            if (!cli->json)
                printf("done: %s %s\n",
                       switchover ? "the primary is" : "the configuration writer is at",
                       switchover ? now.primary : now.writer_site);
            return CLI_DONE;
        }
        if (waited >= cli->timeout_ms) {
            fprintf(stderr, "hamgr: it has not happened within %u ms; see `hamgr events`\n",
                    cli->timeout_ms);
            return CLI_REFUSED;
        }
        pause_ms(100);
    }
    return r;
}

int verb_switchover(struct cli *cli)
{
    return move(cli, "switchover", true);
}

int verb_site_promote(struct cli *cli)
{
    return move(cli, cli->force ? "site promote --force" : "site promote", false);
}

static int tell(struct cli *cli, const char *verb)
{
    static const char *const none[] = {NULL};

    return cli_ask(cli, verb, none, cli_print, cli);
}

int verb_pause(struct cli *cli)
{
    return tell(cli, "pause");
}

int verb_resume(struct cli *cli)
{
    return tell(cli, "resume");
}

int verb_acknowledge(struct cli *cli)
{
    return tell(cli, "acknowledge");
}

int verb_recall(struct cli *cli)
{
    if (cli->force)
        return tell(cli, "recall --force");
    fprintf(stderr,
            "hamgr: the host that has this one's vote gives it back by itself as soon as it "
            "is heard; if it is stopped for good, say `hamgr recall --force`. If it still "
            "runs, cut off, two hosts will serve\n");
    return CLI_USAGE;
}

int verb_why(struct cli *cli)
{
    return tell(cli, "why");
}
