/* calls - the verb `calls`: what is up at this host, and with --records what was; asked of the
 * sipserver of this host page by page. */
#include "hamgr/cli/cli.h"

#include "common/bus.h"
#include "common/log.h"
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)

struct asking {
    const struct cli *cli;
    struct loop *loop;
    struct bus_link *link;
    struct loop_timer *timer;
    Sf__CallsRequest request;
    char after[256];
    uint32_t printed;
    bool warned;
};

/* ---- moments ---- */

/* 2026-11-23T04:10:00.123Z; "" for 0. */
static const char *moment(int64_t ms, char text[40])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char date[24];

    text[0] = '\0';
    if (ms > 0 && gmtime_r(&seconds, &tm) != NULL &&
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) != 0)
        snprintf(text, 40, "%s.%03dZ", date, (int)(ms % 1000));
    return text;
}

/* "90min", "2h", "3d" ago, or a moment in UTC: 2026-11-23, 2026-11-23T04:10, 2026-11-23T04:10:00Z.
 */
static bool since_of(const char *text, int64_t *ret_ms)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S",
                                        "%Y-%m-%dT%H:%M:%SZ"};
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", DAY_MS}};
    char *rest;
    long long number = strtoll(text, &rest, 10);

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);

        if (end != NULL && *end == '\0') {
            *ret_ms = (int64_t)timegm(&tm) * 1000;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (isdigit((unsigned char)text[0]) && strcmp(rest, units[i].name) == 0 &&
            number <= 100000000) {
            *ret_ms = loop_wall_ms() - number * units[i].ms;
            return true;
        }
    return false;
}

/* ---- three ways to print ---- */

static json_t *leg_json(const Sf__CallLeg *leg)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:i, s:s, s:b}", "number", leg->number, "agent",
                     leg->agent, "start_ms", (json_int_t)leg->start_ms, "ring_ms",
                     (json_int_t)leg->ring_ms, "answer_ms", (json_int_t)leg->answer_ms, "end_ms",
                     (json_int_t)leg->end_ms, "status", (int)leg->status, "reason", leg->reason,
                     "by_transfer", (int)leg->by_transfer);
}

static void print_json(const Sf__CallRecord *c, bool first)
{
    json_t *legs = json_array(), *attached = json_object();
    json_t *call;

    for (size_t i = 0; i < c->n_legs; i++)
        json_array_append_new(legs, leg_json(c->legs[i]));
    for (size_t i = 0; i < c->n_attached; i++)
        json_object_set_new(attached, c->attached[i]->key, json_string(c->attached[i]->value));
    call = json_pack(
        "{s:s, s:i, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, "
        "s:b, s:b, s:b, s:b, s:s, s:i, s:i, s:I, s:i, s:i, s:o, s:s, s:o}",
        "call", c->call, "site", (int)c->site, "outcome", c->outcome, "released_by", c->released_by,
        "cause", (int)c->cause, "reason", c->reason, "caller", c->caller, "called", c->called,
        "source", c->source, "queue", c->queue, "agent", c->agent, "start_ms",
        (json_int_t)c->start_ms, "queued_ms", (json_int_t)c->queued_ms, "answer_ms",
        (json_int_t)c->answer_ms, "end_ms", (json_int_t)c->end_ms, "wait_ms",
        (json_int_t)c->wait_ms, "talk_ms", (json_int_t)c->talk_ms, "from_peer", (int)c->from_peer,
        "relayed", (int)c->relayed, "redirected", (int)c->redirected, "caller_private",
        (int)c->caller_private, "diverted_from", c->diverted_from, "diversions", (int)c->diversions,
        "targets", (int)c->targets, "music_ms", (json_int_t)c->music_ms, "priority",
        (int)c->priority, "overflows", (int)c->overflows, "legs", legs, "before", c->before,
        "attached", attached);
    printf("%s", first ? "[\n  " : ",\n  ");
    json_dumpf(call, stdout, JSON_COMPACT);
    json_decref(call);
}

/* A field by RFC 4180.  A caller chooses its own number: one that a spreadsheet would run as a
 * formula is given as text. */
static void csv(const char *text, char end)
{
    bool formula = text[0] != '\0' && strchr("=@\t\r", text[0]) != NULL;

    if (formula || strpbrk(text, ",\"\r\n") != NULL) {
        printf("\"%s", formula ? "'" : "");
        for (; *text != '\0'; text++)
            printf(*text == '"' ? "\"\"" : "%c", *text);
        printf("\"%c", end);
    } else {
        printf("%s%c", text, end);
    }
}

static void print_csv(const Sf__CallRecord *c, bool first)
{
    char start[40], queued[40], answer[40], end[40];

    if (first)
        printf(
            "call,site,outcome,released_by,cause,reason,caller,called,source,queue,agent,start,"
            "queued,answer,end,wait_ms,talk_ms,from_peer,relayed,redirected,targets,caller_private,"
            "diverted_from,diversions,legs\n");
    csv(c->call, ',');
    printf("%u,%s,%s,%u,", c->site, c->outcome, c->released_by, c->cause);
    csv(c->reason, ',');
    csv(c->caller, ',');
    csv(c->called, ',');
    csv(c->source, ',');
    csv(c->queue, ',');
    csv(c->agent, ',');
    printf("%s,%s,%s,%s,%lld,%lld,%d,%d,%d,%u,%d,", moment(c->start_ms, start),
           moment(c->queued_ms, queued), moment(c->answer_ms, answer), moment(c->end_ms, end),
           (long long)c->wait_ms, (long long)c->talk_ms, c->from_peer, c->relayed, c->redirected,
           c->targets, c->caller_private);
    csv(c->diverted_from, ',');
    printf("%u,\"", c->diversions);
    for (size_t i = 1; i < c->n_legs; i++)
        printf("%s%s/%s/%u%s%s", i == 1 ? "" : " ", c->legs[i]->number, c->legs[i]->agent,
               c->legs[i]->status, c->legs[i]->reason[0] != '\0' ? "/" : "", c->legs[i]->reason);
    printf("\"\n");
}

static void print_line(const Sf__CallRecord *c, bool first)
{
    const char *to = c->n_legs > 1 ? c->legs[c->n_legs - 1]->number : "";
    char start[40];

    if (first)
        printf("%-16s %-24s %-16s %-12s %-10s %-10s %-12s %8s %8s  %s\n", "CALL", "START (UTC)",
               "CALLER", "CALLED", "QUEUE", "TO", "AGENT", "WAIT", "TALK", "END");
    printf("%-16s %-24s %-16s %-12s %-10s %-10s %-12s %7.1fs %7.1fs  ", c->call,
           moment(c->start_ms, start), c->caller, c->called, c->queue, to, c->agent,
           (double)c->wait_ms / 1000, (double)c->talk_ms / 1000);
    if (c->end_ms == 0)
        printf("%s\n", c->answer_ms != 0 ? "up" : c->n_legs > 1 ? "offered" : "waiting");
    else
        printf("%s by %s, %u%s%s\n", c->outcome, c->released_by, c->cause,
               c->reason[0] != '\0' ? ": " : "", c->reason);
}

static void print_call(struct asking *a, const Sf__CallRecord *c)
{
    bool first = a->printed++ == 0;

    if (a->cli->json)
        print_json(c, first);
    else if (a->cli->csv)
        print_csv(c, first);
    else
        print_line(c, first);
}

/* ---- the conversation ---- */

static void ask(struct asking *a)
{
    a->request.request_id++;
    a->request.limit = a->cli->limit != 0 ? a->cli->limit - a->printed : 0;
    if (bus_link_send(a->link, MESSAGE_CALLS_REQUEST, &a->request) != 0)
        loop_exit(a->loop, CLI_REFUSED);
    loop_timer_set(a->timer, mono_add_ms(loop_now_exact(), a->cli->timeout_ms));
}

static void on_state(void *arg, struct bus_link *link, bool up)
{
    struct asking *a = arg;

    (void)link;
    if (up)
        ask(a); /* from where it had come to: reading changes nothing */
}

static void on_message(void *arg, struct bus_link *link, const struct bus_sender *from,
                       const struct codec_message *message)
{
    struct asking *a = arg;
    const Sf__CallsReply *reply = message->body;

    (void)link;
    (void)from;
    if (message->type != MESSAGE_CALLS_REPLY || reply->request_id != a->request.request_id)
        return;
    if (reply->text[0] != '\0' && !a->warned)
        fprintf(stderr, "hamgr: %s\n", reply->text);
    a->warned = reply->text[0] != '\0';
    for (size_t i = 0; i < reply->n_calls; i++) {
        print_call(a, reply->calls[i]);
        a->request.since_ms = reply->calls[i]->start_ms;
        snprintf(a->after, sizeof(a->after), "%s", reply->calls[i]->call);
    }
    a->request.cursor = reply->cursor;
    if (reply->code != 0)
        loop_exit(a->loop, CLI_REFUSED);
    else if (reply->more && (a->cli->limit == 0 || a->printed < a->cli->limit))
        ask(a);
    else
        loop_exit(a->loop, CLI_DONE);
}

static void on_timeout(void *arg, mono_t now)
{
    struct asking *a = arg;

    (void)now;
    fprintf(stderr,
            "hamgr: no sipserver answers on this host within %u ms; `hamgr status` shows its "
            "components\n",
            a->cli->timeout_ms);
    loop_exit(a->loop, CLI_NO_HAMGR);
}

static void on_signal(void *arg, int signal)
{
    struct asking *a = arg;

    (void)signal;
    loop_exit(a->loop, CLI_REFUSED);
}

static int run(struct asking *a)
{
    struct bus_conf conf = {.self = PROCESS_CLI, .bootstrap = &a->cli->bootstrap};
    struct bus *bus = NULL;
    int r = loop_new(&a->loop);

    if (r < 0)
        return CLI_REFUSED;
    r = bus_new(a->loop, &conf, &bus);
    if (r == 0)
        r = loop_timer_new(a->loop, LOOP_SIP, on_timeout, a, &a->timer);
    if (r == 0)
        r = loop_signal(a->loop, SIGINT, on_signal, a);
    if (r == 0)
        r = bus_connect(bus, ENDPOINT_CALLS, NULL, LOOP_SIP, on_message, on_state, a, &a->link);
    if (r < 0) {
        fprintf(stderr, "hamgr: cannot ask the sipserver of this host: %s\n",
                bus != NULL ? bus_error(bus) : strerror(-r));
        r = CLI_REFUSED;
    } else {
        loop_timer_set(a->timer, mono_add_ms(loop_now_exact(), a->cli->timeout_ms));
        r = loop_run(a->loop);
    }
    bus_link_destroy(&a->link);
    loop_timer_destroy(&a->timer);
    bus_destroy(&bus);
    loop_destroy(&a->loop);
    return r;
}

int verb_calls(struct cli *cli)
{
    struct asking a = {.cli = cli, .request = SF__CALLS_REQUEST__INIT};
    int r;

    if (cli->since != NULL && !since_of(cli->since, &a.request.since_ms)) {
        fprintf(stderr,
                "hamgr: --since %s: give a time ago, like 90min, 2h, 3d, or a moment in UTC, like "
                "2026-11-23T04:10:00Z\n",
                cli->since);
        return CLI_USAGE;
    }
    if (cli->since == NULL)
        a.request.since_ms = loop_wall_ms() - DAY_MS;
    log_set_level(LEVEL_ERR);
    a.request.records = cli->records;
    a.request.after_call = a.after;
    r = run(&a);
    if (cli->json && r == CLI_DONE)
        printf("%s\n", a.printed == 0 ? "[]" : "\n]");
    return r;
}
