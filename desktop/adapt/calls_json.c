#include "desktop/adapt/calls_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The core's numbers are those of the wire. */
static_assert((int)GATE_DIAL == (int)SF__AGENT_OP__AGENT_DIAL, "");
static_assert((int)GATE_GET_DATA == (int)SF__AGENT_OP__AGENT_GET_DATA, "");
static_assert((int)GATE_WHAT_TRANSFERRED == (int)SF__AGENT_EVENT_KIND__AGENT_EVENT_TRANSFERRED, "");

json_t *attached_json(Sf__Attached *const *pairs, size_t n)
{
    json_t *object = json_object();

    for (size_t i = 0; i < n; i++)
        json_object_set_new(object, pairs[i]->key, json_string(pairs[i]->value));
    return object;
}

void attached_text(Sf__Attached *const *pairs, size_t n, char *text, size_t size)
{
    json_t *object = attached_json(pairs, n);
    size_t used = json_dumpb(object, text, size - 1, JSON_COMPACT);

    json_decref(object);
    if (used > size - 1)
        snprintf(text, size, "{}");
    else
        text[used] = '\0';
}

bool operation_of(const char *name, enum gate_op *ret_op)
{
    static const char *const names[] = {"dial",      "answer",   "release",  "hold",
                                        "retrieve",  "transfer", "consult",  "complete",
                                        "alternate", "return",   "set-data", "data"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0) {
            *ret_op = (enum gate_op)((size_t)GATE_DIAL + i);
            return true;
        }
    return false;
}

/* text - protobuf-c has plain pointers in its structures and never writes through them. */
static char *text(const char *from)
{
    union {
        const char *in;
        char *out;
    } u = {.in = from};

    return u.out;
}

static const char *string(const json_t *document, const char *name, size_t size)
{
    const json_t *value = json_object_get(document, name);
    const char *s = value == NULL || json_is_null(value) ? "" : json_string_value(value);

    return s != NULL && strlen(s) < size ? s : NULL;
}

const char *operation_request(const json_t *document, struct operation_pairs *pairs,
                              Sf__AgentRequest *ret_request)
{
    const char *number = string(document, "number", GATE_ID_SIZE);
    const char *call = string(document, "call", GATE_ID_SIZE);
    json_t *data = json_object_get(document, "data"), *value;
    const char *key;
    size_t n = 0;

    if (number == NULL || call == NULL || (data != NULL && !json_is_object(data)))
        return "\"number\" and \"call\" are short texts, \"data\" is an object of texts";
    if (data != NULL)
        json_object_foreach(data, key, value)
        {
            const char *s = json_is_null(value) ? "" : json_string_value(value);

            if (s == NULL || strlen(s) > 255 || strlen(key) > 255)
                return "the values of \"data\" are texts of at most 255 bytes";
            if (n == CALLS_PAIRS_MAX)
                return "more pairs of \"data\" than one request may carry";
            sf__attached__init(&pairs->pairs[n]);
            pairs->pairs[n].key = text(key);
            pairs->pairs[n].value = text(s);
            pairs->list[n] = &pairs->pairs[n];
            n++;
        }
    ret_request->number = text(number);
    ret_request->call = text(call);
    ret_request->attached = pairs->list;
    ret_request->n_attached = n;
    return NULL;
}

json_t *call_json(const struct gate_call *call)
{
    json_t *data = json_loads(call->data, 0, NULL);

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:o}", "id", call->id, "phase",
                     gate_phase_name(call->phase), "caller", call->caller, "called", call->called,
                     "queue", call->queue, "outbound", call->outbound, "data",
                     data != NULL ? data : json_object());
}

json_t *calls_json(const struct gate_session *session)
{
    json_t *calls = json_array();

    for (size_t i = 0; i < GATE_CALLS_MAX; i++)
        if (session->calls[i].phase != GATE_CALL_NONE)
            json_array_append_new(calls, call_json(&session->calls[i]));
    return calls;
}

json_t *event_json(const Sf__AgentEvent *e)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:o}", "event",
                     gate_what_name((enum gate_what)e->kind), "call", e->call, "caller", e->caller,
                     "called", e->called, "queue", e->queue, "outbound", (int)e->outbound, "data",
                     attached_json(e->attached, e->n_attached));
}
