#include "sipserver/adapt/calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/log.h"
#include "sipserver/adapt/records.h"
#include "sipserver/adapt/server.h"

#define CLIENTS_MAX 16 /* command lines at once */

struct client {
    struct bus_peer *peer; /* NULL: free */
    uint64_t id;           /* so that a late answer finds nobody else */
};

struct calls {
    struct server *server;
    struct loop_io *io;
    uint64_t ids;
    struct client clients[CLIENTS_MAX];
    uint64_t lost_told; /* records lost, as last logged */
    bool error_told;
};

static struct client *client_of(struct calls *calls, struct bus_peer *peer)
{
    struct client *unused = NULL;

    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        if (calls->clients[i].peer == peer)
            return &calls->clients[i];
        if (calls->clients[i].peer == NULL && unused == NULL)
            unused = &calls->clients[i];
    }
    if (unused != NULL)
        *unused = (struct client){.peer = peer, .id = ++calls->ids};
    return unused;
}

/* What a reader of the records must know; "": nothing. */
static void warning(const struct records_state *s, char *text, size_t size)
{
    text[0] = '\0';
    if (s->error[0] != '\0')
        snprintf(text, size, "%u call records wait, %llu are lost: %s", s->waiting,
                 (unsigned long long)s->lost, s->error);
    else if (s->lost != 0)
        snprintf(text, size, "%llu call records were lost since the start of this sipserver",
                 (unsigned long long)s->lost);
}

/* ---- records ---- */

static void ask_records(struct calls *calls, const struct client *c, const Sf__CallsRequest *in)
{
    struct records_query *q = calloc(1, sizeof(*q));

    if (q == NULL)
        return;
    q->client = c->id;
    q->request_id = in->request_id;
    q->since_ms = in->since_ms;
    snprintf(q->after_call, sizeof(q->after_call), "%.*s", (int)sizeof(q->after_call) - 1,
             in->after_call);
    q->limit = in->limit == 0 || in->limit > RECORDS_PAGE_MAX ? RECORDS_PAGE_MAX : in->limit;
    records_ask(calls->server->records, &q);
}

static void answer(struct calls *calls, const struct records_query *q)
{
    Sf__CallsReply reply = SF__CALLS_REPLY__INIT;
    struct records_state state;
    char text[STORE_ERROR_MAX + 100];

    records_state(calls->server->records, &state);
    warning(&state, text, sizeof(text));
    if (q->code != 0 && text[0] == '\0')
        snprintf(text, sizeof(text), "the records cannot be read: %s", strerror(-q->code));
    reply.request_id = q->request_id;
    reply.code = q->code != 0;
    reply.text = text;
    reply.calls = (Sf__CallRecord **)(uintptr_t)q->calls;
    reply.n_calls = q->n;
    reply.more = q->more;
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        if (calls->clients[i].peer != NULL && calls->clients[i].id == q->client)
            (void)bus_peer_send(calls->clients[i].peer, MESSAGE_CALLS_REPLY, &reply);
}

/* What changed at the disk. */
static void tell(struct calls *calls)
{
    struct records_state s;

    records_state(calls->server->records, &s);
    if (s.lost > calls->lost_told)
        log_event(LEVEL_ERR, MSG_STORE, NULL,
                  "%llu call records are lost: records-queue-max wait for the disk",
                  (unsigned long long)s.lost);
    if (s.error[0] != '\0' && !calls->error_told)
        log_event(LEVEL_ERR, MSG_STORE, NULL, "call records wait: %s", s.error);
    else if (s.error[0] == '\0' && calls->error_told)
        log_event(LEVEL_NOTICE, MSG_STORE, NULL, "call records are written again");
    calls->lost_told = s.lost;
    calls->error_told = s.error[0] != '\0';
}

static void on_event(void *arg, uint32_t events)
{
    struct calls *calls = arg;
    struct records_query *q;

    (void)events;
    while ((q = records_answer(calls->server->records)) != NULL) {
        answer(calls, q);
        records_query_free(&q);
    }
    tell(calls);
}

/* ---- calls that are up ---- */

static void answer_up(const struct calls *calls, struct bus_peer *peer, const Sf__CallsRequest *in)
{
    Sf__CallsReply reply = SF__CALLS_REPLY__INIT;
    struct sc_record *records = calloc(RECORDS_PAGE_MAX, sizeof(*records));
    struct record_message *messages = calloc(RECORDS_PAGE_MAX, sizeof(*messages));
    Sf__CallRecord *list[RECORDS_PAGE_MAX];
    uint32_t cursor = in->cursor, limit = in->limit;

    if (limit == 0 || limit > RECORDS_PAGE_MAX)
        limit = RECORDS_PAGE_MAX;
    if (records != NULL && messages != NULL) {
        while (reply.n_calls < limit &&
               sc_next_call(calls->server->core, &cursor, &records[reply.n_calls])) {
            record_message(&records[reply.n_calls], &messages[reply.n_calls]);
            list[reply.n_calls] = &messages[reply.n_calls].call;
            reply.n_calls++;
        }
        reply.request_id = in->request_id;
        reply.calls = list;
        reply.cursor = cursor;
        reply.more = reply.n_calls == limit;
        (void)bus_peer_send(peer, MESSAGE_CALLS_REPLY, &reply);
    }
    free(records);
    free(messages);
}

/* ---- the conversation ---- */

static void on_message(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                       const struct codec_message *message)
{
    struct calls *calls = arg;
    const struct client *c = client_of(calls, peer);
    const Sf__CallsRequest *in = message->body;

    (void)from;
    if (c == NULL || message->type != MESSAGE_CALLS_REQUEST)
        return; /* too many ask: this one hears nothing and asks again */
    if (in->records)
        ask_records(calls, c, in);
    else
        answer_up(calls, peer, in);
}

static void on_gone(void *arg, struct bus_peer *peer)
{
    struct calls *calls = arg;

    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        if (calls->clients[i].peer == peer)
            calls->clients[i] = (struct client){0};
}

int calls_new(struct server *server, struct calls **ret_calls)
{
    struct calls *calls = calloc(1, sizeof(*calls));
    struct component *component = server->component;
    int r;

    if (calls == NULL)
        return -ENOMEM;
    calls->server = server;
    r = loop_io_new(component->loop, records_fd(server->records), EPOLLIN, LOOP_STATISTICS,
                    on_event, calls, &calls->io);
    if (r == 0)
        r = bus_bind(component->bus, ENDPOINT_CALLS, LOOP_STATISTICS, on_message, on_gone, calls);
    if (r != 0) {
        log_event(LEVEL_ERR, MSG_FAULT, NULL, "%s", bus_error(component->bus));
        calls_destroy(&calls);
        return r;
    }
    *ret_calls = calls;
    return 0;
}

void calls_destroy(struct calls **calls)
{
    if (*calls == NULL)
        return;
    loop_io_destroy(&(*calls)->io);
    free(*calls);
    *calls = NULL;
}
