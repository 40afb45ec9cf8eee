/* calls_json - calls, operations and attached data between the API's JSON and messages. */
#ifndef DESKTOP_ADAPT_CALLS_JSON_H
#define DESKTOP_ADAPT_CALLS_JSON_H

#include "desktop/core/gate.h"
#include "proto/agent.pb-c.h"

#include <jansson.h>

#define CALLS_PAIRS_MAX 64 /* of attached data in one request */

/* attached_json - the N pairs as an object. */
json_t *attached_json(Sf__Attached *const *pairs, size_t n);

/* attached_text - the same as text of at most SIZE bytes; "{}" when it does not fit. */
void attached_text(Sf__Attached *const *pairs, size_t n, char *text, size_t size);

/* operation_of - "hold" and the like; false: there is no such operation. */
bool operation_of(const char *name, enum gate_op *ret_op);

/* operation_request - fill REQUEST with what DOCUMENT, {number?, call?, data?}, says; strings stay
 * DOCUMENT's, pairs are kept in PAIRS.  NULL, or what is wrong with it. */
struct operation_pairs {
    Sf__Attached pairs[CALLS_PAIRS_MAX];
    Sf__Attached *list[CALLS_PAIRS_MAX];
};
const char *operation_request(const json_t *document, struct operation_pairs *pairs,
                              Sf__AgentRequest *ret_request);

/* call_json - as a page sees it.  calls_json - all of SESSION. */
json_t *call_json(const struct gate_call *call);
json_t *calls_json(const struct gate_session *session);

/* event_json - what happened to a call: {event, call, caller, called, queue, outbound, data}. */
json_t *event_json(const Sf__AgentEvent *event);

#endif
