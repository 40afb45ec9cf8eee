/* control - the operator's verbs, as they reach the hamgr of this host.  Whether one may be carried
 * out is the core's to say. */
#include "hamgr/adapt/daemon.h"

#include "common/log.h"
#include "hamgr/adapt/history.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void reply(struct bus_peer *peer, uint64_t request_id, int code, const char *text,
                  json_t *json, bool more)
{
    Sf__ControlReply message = SF__CONTROL_REPLY__INIT;
    char *packed = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

    message.request_id = request_id;
    message.code = code;
    message.text = (char *)text;
    message.json = packed != NULL ? packed : (char *)"";
    message.more = more;
    (void)bus_peer_send(peer, MESSAGE_CONTROL_REPLY, &message);
    free(packed);
    json_decref(json);
}

/* ---- verbs that the core decides ---- */

static void operate(struct daemon *d, struct bus_peer *peer, uint64_t request_id,
                    enum ham_verb verb)
{
    struct ham_ev ev = {.type = HAM_EV_OPERATOR};

    for (unsigned i = 0; i < DAEMON_OPERATORS_MAX; i++) {
        struct operator_request *o = &d->operators[i];

        if (o->id != 0)
            continue;
        if (++d->operator_id == 0)
            d->operator_id = 1;
        *o = (struct operator_request){d->operator_id, request_id, peer};
        ev.op.id = o->id;
        ev.op.verb = (uint8_t)verb;
        daemon_step(d, &ev);
        return;
    }
    reply(peer, request_id, 1, "too many verbs are under way on this host; try again in a moment",
          NULL, false);
}

void control_answer(struct daemon *d, uint32_t id, enum ham_reason reason)
{
    bool good = reason == REASON_DONE || reason == REASON_UNDER_WAY || reason == REASON_ALREADY;
    char text[1024];

    view_reason(d, reason, text, sizeof(text));
    for (unsigned i = 0; i < DAEMON_OPERATORS_MAX; i++) {
        struct operator_request *o = &d->operators[i];

        if (id == 0 || o->id != id)
            continue;
        log_event(LEVEL_NOTICE, MSG_OPERATOR, NULL, "answered: %s", text);
        if (o->peer != NULL)
            reply(o->peer, o->request_id, good ? 0 : 1, text,
                  json_pack("{s:b,s:s}", "accepted", good, "reason", text), false);
        o->id = 0;
        return;
    }
}

static bool verb_of_core(const char *name, enum ham_verb *ret_verb)
{
    static const struct {
        const char *name;
        enum ham_verb verb;
    } verbs[] = {{"switchover", VERB_SWITCHOVER},
                 {"site promote", VERB_PROMOTE},
                 {"site promote --force", VERB_FORCE},
                 {"pause", VERB_PAUSE},
                 {"resume", VERB_RESUME},
                 {"recall --force", VERB_RECALL},
                 {"acknowledge", VERB_ACKNOWLEDGE}};

    for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(name, verbs[i].name) == 0) {
            *ret_verb = verbs[i].verb;
            return true;
        }
    }
    return false;
}

static bool names_own_site(const struct daemon *d, const Sf__ControlRequest *request)
{
    const struct bootstrap_site *site = bootstrap_self_site(&d->bootstrap);

    return site != NULL &&
           (request->n_arguments == 0 || strcmp(request->arguments[0], site->name) == 0);
}

static void verb_on_site(struct daemon *d, struct bus_peer *peer, const Sf__ControlRequest *request,
                         enum ham_verb verb)
{
    char text[256];

    if (names_own_site(d, request)) {
        operate(d, peer, request->request_id, verb);
        return;
    }
    snprintf(text, sizeof(text), "this host is %s: ask a host of site %.64s, with --self",
             bootstrap_self(&d->bootstrap)->name,
             request->n_arguments > 0 ? request->arguments[0] : "");
    reply(peer, request->request_id, 1, text, NULL, false);
}

/* ---- events ---- */

struct follower {
    struct bus_peer *peer;
    uint64_t request_id;
};

void control_event_text(const json_t *event, char *text, size_t size)
{
    const char *machine = "", *object = "", *from = "", *to = "", *why = "";
    json_int_t at = 0, epoch = 0;
    time_t seconds;
    struct tm tm;
    char clock[16];

    json_unpack((json_t *)event, "{s:I,s:s,s:s,s:s,s:s,s:s,s:I}", "at_ms", &at, "machine", &machine,
                "object", &object, "from", &from, "to", &to, "why", &why, "epoch", &epoch);
    seconds = (time_t)(at / 1000);
    localtime_r(&seconds, &tm);
    strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
    snprintf(text, size, "%s.%03d  %-9s %-12s %s -> %s, epoch %lld: %s", clock, (int)(at % 1000),
             machine, object, from, to, (long long)epoch, why);
}

static void send_event(void *arg, const json_t *event)
{
    const struct follower *f = arg;
    char text[512];

    control_event_text(event, text, sizeof(text));
    reply(f->peer, f->request_id, 0, text, json_incref((json_t *)event), true);
}

/* A new event goes to everyone who follows: the request id is kept as the peer's data. */
static void on_new_event(void *arg, const json_t *event)
{
    struct daemon *d = arg;

    for (unsigned i = 0; i < DAEMON_OPERATORS_MAX; i++) {
        struct follower f = {d->operators[i].peer, d->operators[i].request_id};

        if (d->operators[i].id == UINT32_MAX && f.peer != NULL)
            send_event(&f, event);
    }
}

static void verb_of_events(struct daemon *d, struct bus_peer *peer,
                           const Sf__ControlRequest *request)
{
    struct follower f = {peer, request->request_id};
    bool follow = request->n_arguments > 0 && strcmp(request->arguments[0], "--follow") == 0;

    history_since(d->history, 0, send_event, &f);
    for (unsigned i = 0; follow && i < DAEMON_OPERATORS_MAX; i++) {
        if (d->operators[i].id != 0)
            continue;
        d->operators[i] = (struct operator_request){UINT32_MAX, request->request_id, peer};
        return;
    }
    reply(peer, request->request_id, 0, follow ? "too many followers; try again later" : "", NULL,
          false);
}

static void tell_why(struct daemon *d, struct bus_peer *peer, uint64_t request_id)
{
    char text[8192];
    json_t *json = why_story(d, text, sizeof(text));

    reply(peer, request_id, 0, text, json, false);
}

/* ---- the socket ---- */

static void on_request(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                       const struct codec_message *message)
{
    struct daemon *d = arg;
    const Sf__ControlRequest *request = message->body;
    enum ham_verb verb;
    char text[256];

    (void)from;
    if (message->type != MESSAGE_CONTROL_REQUEST)
        return;
    if (strcmp(request->verb, "status") == 0) {
        reply(peer, request->request_id, 0, "", view_status(d), false);
    } else if (strcmp(request->verb, "why") == 0) {
        tell_why(d, peer, request->request_id);
    } else if (strcmp(request->verb, "events") == 0) {
        verb_of_events(d, peer, request);
    } else if (verb_of_core(request->verb, &verb)) {
        log_event(LEVEL_NOTICE, MSG_OPERATOR, LOG_FIELDS(.event = request->verb),
                  "asked for by the operator");
        verb_on_site(d, peer, request, verb);
    } else {
        snprintf(text, sizeof(text),
                 "this hamgr does not know the verb '%.64s'; is it older than the command line?",
                 request->verb);
        reply(peer, request->request_id, 2, text, NULL, false);
    }
}

static void on_gone(void *arg, struct bus_peer *peer)
{
    struct daemon *d = arg;

    for (unsigned i = 0; i < DAEMON_OPERATORS_MAX; i++) {
        if (d->operators[i].peer != peer)
            continue;
        d->operators[i].peer = NULL;
        if (d->operators[i].id == UINT32_MAX)
            d->operators[i].id = 0;
    }
}

int control_open(struct daemon *d)
{
    history_watch(d->history, on_new_event, d);
    return bus_bind(d->bus, ENDPOINT_CONTROL, LOOP_STATISTICS, on_request, on_gone, d);
}
