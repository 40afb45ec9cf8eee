/* The gateway's side of its core (gate.h): what the core knows by number, its actions, and the
 * conversation with the SIP server. */
#include "desktop/adapt/gateway_inner.h"

#include <stdlib.h>

#include "common/http.h"
#include "common/list.h"
#include "common/log.h"
#include "desktop/adapt/calls_json.h"
#include "desktop/core/gate.h"

/* The core's numbers are those of the wire. */
static_assert((int)GATE_AFTER_CALL_WORK == (int)SF__AGENT_STATE__AGENT_STATE_AFTER_CALL_WORK, "");
static_assert((int)GATE_SET_NOT_READY == (int)SF__AGENT_OP__AGENT_NOT_READY, "");

/* ---- what the core knows by number ---- */

struct outside *outside_new(struct gateway *gateway, struct list *list)
{
    struct outside *outside = calloc(1, sizeof(*outside));

    if (outside == NULL)
        abort(); /* out of memory */
    outside->gateway = gateway;
    outside->number = ++gateway->next_number;
    list_append(list, &outside->link);
    return outside;
}

struct outside *outside_find(struct list *list, uint64_t number)
{
    LIST_EACH(link, list)
    {
        struct outside *outside = (struct outside *)link;
        if (outside->number == number)
            return outside;
    }
    return NULL;
}

void outside_free(struct outside *outside)
{
    list_remove(&outside->link);
    json_decref(outside->document);
    free(outside);
}

static void on_request_gone(void *arg, struct http_request *request)
{
    struct outside *outside = arg;
    struct gateway *gateway = outside->gateway;
    uint64_t number = outside->number;

    (void)request;
    outside_free(outside);
    gateway_feed(gateway, EVENT(.kind = GATE_EV_HTTP_GONE, .http = number));
}

uint64_t gateway_hold(struct gateway *gateway, struct http_request *request)
{
    struct outside *outside = outside_new(gateway, &gateway->requests);

    outside->request = request;
    http_request_hold(request, on_request_gone, outside);
    return outside->number;
}

/* ---- answers ---- */

void gateway_reply_error(struct http_request *request, unsigned status, bool retriable,
                         const char *text)
{
    http_reply_json(request, status,
                    json_pack("{s:s, s:b}", "error", text, "retriable", retriable));
}

static void do_answer(struct gateway *gateway, const struct gate_action *action)
{
    struct outside *outside = outside_find(&gateway->requests, action->http);
    const struct bootstrap *b = &gateway->component->bootstrap;
    struct http_request *request;

    if (outside == NULL)
        return;
    request = outside->request;
    outside_free(outside);
    if (!action->with_session) {
        gateway_reply_error(request, action->status, action->retriable, action->text);
        return;
    }
    http_reply_json(request, action->status,
                    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "token", action->token,
                              "agent", action->agent, "dn", action->dn, "state",
                              gate_state_name(action->state), "text", action->text, "site",
                              bootstrap_self_site(b)->name, "host", bootstrap_self(b)->name));
}

json_t *gateway_session_json(const struct gate_session *s)
{
    const struct gate_call *active = gate_active_call(s);
    json_t *call = active != NULL ? call_json(active) : json_null();

    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:o, s:o}", "agent", s->agent, "dn", s->dn,
                     "state", gate_state_name(s->agent_state), "reason", s->reason, "since_ms",
                     (json_int_t)s->since_ms, "dn_in_service", s->dn_in_service, "call", call,
                     "calls", calls_json(s));
}

static void do_tell(struct gateway *gateway, const struct gate_action *action)
{
    struct outside *outside = outside_find(&gateway->streams, action->stream);
    const struct gate_session *session = gate_find_agent(&gateway->gate, action->agent);

    if (outside == NULL || session == NULL)
        return;
    if (gateway->event != NULL && gate_what_name((enum gate_what)gateway->event->kind) != NULL)
        (void)http_stream_send_json(outside->stream, "call", event_json(gateway->event));
    (void)http_stream_send_json(outside->stream, "agent", gateway_session_json(session));
}

static void do_end_stream(struct gateway *gateway, const struct gate_action *action)
{
    struct outside *outside = outside_find(&gateway->streams, action->stream);

    if (outside == NULL)
        return;
    (void)http_stream_send_json(
        outside->stream, "ended",
        json_pack("{s:b, s:s}", "again", action->again, "text", action->text));
    http_stream_close(outside->stream);
}

/* ---- the SIP server ---- */

/* text - protobuf-c has plain pointers in its structures and never writes through them. */
static char *text(const char *from)
{
    union {
        const char *in;
        char *out;
    } u = {.in = from};

    return u.out;
}

static void do_ask(struct gateway *gateway, const struct gate_action *action)
{
    Sf__AgentRequest request = SF__AGENT_REQUEST__INIT;

    request.request_id = action->request_id;
    request.op = (Sf__AgentOp)action->op;
    request.agent = text(action->agent);
    request.dn = text(action->dn);
    request.reason = text(action->text);
    request.state = (Sf__AgentState)action->state;
    /* What cannot be sent is answered by the core's time-out. */
    (void)bus_link_send(gateway->link, MESSAGE_AGENT_REQUEST, &request);
}

static void do_operate(struct gateway *gateway, const struct gate_action *action)
{
    const struct outside *outside = outside_find(&gateway->requests, action->http);
    Sf__AgentRequest request = SF__AGENT_REQUEST__INIT;
    struct operation_pairs pairs;

    if (outside == NULL || operation_request(outside->document, &pairs, &request) != NULL)
        return; /* nobody waits any more; what is malformed has been refused before */
    request.request_id = action->request_id;
    request.op = (Sf__AgentOp)action->op;
    request.agent = text(action->agent);
    (void)bus_link_send(gateway->link, MESSAGE_AGENT_REQUEST, &request);
}

static void do_operated(struct gateway *gateway, const struct gate_action *action)
{
    struct outside *outside = outside_find(&gateway->requests, action->http);
    const Sf__AgentReply *reply = gateway->reply;
    struct http_request *request;

    if (outside == NULL)
        return;
    request = outside->request;
    outside_free(outside);
    if (action->status != 200)
        gateway_reply_error(request, action->status, action->retriable, action->text);
    else
        http_reply_json(request, 200,
                        json_pack("{s:s, s:s, s:s, s:o}", "call", reply->call, "state",
                                  gate_state_name((enum gate_state)reply->state), "text",
                                  reply->text, "data",
                                  attached_json(reply->attached, reply->n_attached)));
}

static void do_subscribe(struct gateway *gateway)
{
    Sf__AgentSubscribe subscribe = SF__AGENT_SUBSCRIBE__INIT;

    (void)bus_link_send(gateway->link, MESSAGE_AGENT_SUBSCRIBE, &subscribe);
}

static void perform(struct gateway *gateway, const struct gate_action *action)
{
    switch (action->kind) {
    case GATE_ACT_SUBSCRIBE: do_subscribe(gateway); break;
    case GATE_ACT_ASK: do_ask(gateway, action); break;
    case GATE_ACT_OPERATE: do_operate(gateway, action); break;
    case GATE_ACT_OPERATED: do_operated(gateway, action); break;
    case GATE_ACT_ANSWER: do_answer(gateway, action); break;
    case GATE_ACT_TELL: do_tell(gateway, action); break;
    case GATE_ACT_END_STREAM: do_end_stream(gateway, action); break;
    case GATE_NOTE_SESSION:
        log_event(LEVEL_INFO, MSG_DESKTOP,
                  LOG_FIELDS(.object = action->agent, .from = session_state_name(action->from),
                             .to = session_state_name(action->to)),
                  "desktop of agent %s: %s", action->agent, action->why);
        break;
    case GATE_NOTE_GAP:
        log_event(LEVEL_WARNING, MSG_DESKTOP, LOG_FIELDS(.event = "GAP"),
                  "events of the SIP server are missing; asking for all agents again");
        break;
    }
}

static void step(struct gateway *gateway, const struct gate_event *event, struct gate_out *out)
{
    gate_step(&gateway->gate, loop_now(gateway->component->loop), event, out);
    for (uint32_t i = 0; i < out->count; i++)
        perform(gateway, &out->actions[i]);
}

void gateway_feed(struct gateway *gateway, const struct gate_event *event)
{
    struct gate_out out;

    do
        step(gateway, EVENT(.kind = GATE_EV_TICK), &out);
    while (out.more);
    if (event->kind != GATE_EV_TICK) {
        step(gateway, event, &out);
        while (out.more)
            step(gateway, EVENT(.kind = GATE_EV_TICK), &out);
    }
    loop_timer_set(gateway->timer, gate_deadline(&gateway->gate));
}

void gateway_on_timer(void *arg, mono_t now)
{
    (void)now;
    gateway_feed(arg, EVENT(.kind = GATE_EV_TICK));
}

static void take_reply(struct gateway *gateway, const Sf__AgentReply *reply)
{
    gateway->reply = reply;
    gateway_feed(gateway,
                 EVENT(.kind = GATE_EV_REPLY, .request_id = reply->request_id, .code = reply->code,
                       .text = reply->text, .retriable = reply->retriable,
                       .state = (enum gate_state)reply->state));
    gateway->reply = NULL;
}

static void take_event(struct gateway *gateway, const Sf__AgentEvent *in)
{
    char data[GATE_DATA_SIZE];

    attached_text(in->attached, in->n_attached, data, sizeof(data));
    gateway_feed(gateway,
                 EVENT(.kind = GATE_EV_TICK)); /* so that what follows is of this event alone */
    gateway->event = in;
    gateway_feed(gateway, EVENT(.kind = GATE_EV_AGENT, .sequence = in->sequence,
                                .what = (enum gate_what)in->kind, .agent = in->agent, .dn = in->dn,
                                .state = (enum gate_state)in->state, .reason = in->reason,
                                .since_ms = in->since_ms, .call = in->call, .caller = in->caller,
                                .called = in->called, .queue = in->queue, .outbound = in->outbound,
                                .data = data));
    gateway->event = NULL;
}

static void on_message(void *arg, struct bus_link *link, const struct bus_sender *from,
                       const struct codec_message *message)
{
    (void)link;
    (void)from;
    switch ((int)message->type) {
    case MESSAGE_AGENT_REPLY: take_reply(arg, message->body); break;
    case MESSAGE_AGENT_EVENT: take_event(arg, message->body); break;
    default: break; /* the codec lets nothing else through */
    }
}

static void on_link(void *arg, struct bus_link *link, bool up)
{
    (void)link;
    gateway_feed(arg, EVENT(.kind = up ? GATE_EV_SERVER_UP : GATE_EV_SERVER_DOWN));
}

int gateway_connect_server(struct gateway *g)
{
    int result = bus_connect(g->component->bus, ENDPOINT_AGENT, NULL, LOOP_SIP, on_message, on_link,
                             g, &g->link);

    if (result < 0)
        log_event(LEVEL_ERR, MSG_FAULT, NULL, "%s", bus_error(g->component->bus));
    return result;
}
