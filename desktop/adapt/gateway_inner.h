/* gateway_inner - what the files of the gateway share: gateway.c (open with the role, start and
 * end), gateway_core.c (the core's side, and the SIP server's) and gateway_api.c (what pages ask).
 * For nobody else.
 */
#ifndef DESKTOP_ADAPT_GATEWAY_INNER_H
#define DESKTOP_ADAPT_GATEWAY_INNER_H

#include "desktop/adapt/gateway.h"

#include "common/http.h"
#include "common/list.h"
#include "confproxy/adapt/password.h"
#include "desktop/core/gate.h"
#include "desktop/core/throttle.h"

/* An HTTP request that waits for the SIP server, or a page's stream; the core knows it by number.
 */
struct outside {
    struct list_link link;
    struct gateway *gateway;
    uint64_t number;
    struct http_request *request;
    struct http_stream *stream;
    json_t *document; /* of an operation on calls */
};

struct gateway {
    struct component *component;
    const struct directory *directory;
    bool loaded;
    bool primary;
    bool complained;
    struct gate gate;
    void *memory;
    struct throttle throttle;
    char no_agent_hash[PASSWORD_HASH_SIZE]; /* so that an unknown agent takes as long as a wrong
                                               password */
    struct http *http;
    struct http_listener *listener;
    mono_t retry;
    struct loop_timer *timer;
    struct loop_timer *beat;
    struct bus_link *link;
    struct list requests;
    struct list streams;
    uint64_t next_number;
    const Sf__AgentReply *reply; /* while the core takes it */
    const Sf__AgentEvent *event;
};

#define EVENT(...) (&(struct gate_event){__VA_ARGS__})

/* ---- gateway_core.c ---- */

/* outside_new - one more in LIST, with a number of its own.
 * outside_find - NULL: it is gone.
 * outside_free - take it out of its list, with its document. */
struct outside *outside_new(struct gateway *gateway, struct list *list);
struct outside *outside_find(struct list *list, uint64_t number);
void outside_free(struct outside *outside);

/* gateway_hold - the SIP server answers later; the number stands for the request meanwhile. */
uint64_t gateway_hold(struct gateway *gateway, struct http_request *request);

/* gateway_feed - time first, then EVENT, then what EVENT left to do for many sessions. */
void gateway_feed(struct gateway *gateway, const struct gate_event *event);
void gateway_on_timer(void *arg, mono_t now);

/* gateway_reply_error - answer REQUEST with the API's error. */
void gateway_reply_error(struct http_request *request, unsigned status, bool retriable,
                         const char *text);

/* gateway_session_json - how S stands, for its page. */
json_t *gateway_session_json(const struct gate_session *s);

/* gateway_connect_server - begin the conversation with the SIP server.  Returns: 0 or negative
 * errno, logged. */
int gateway_connect_server(struct gateway *g);

/* ---- gateway_api.c ---- */

/* gateway_add_routes - the API and the page's files.
 * gateway_allow_sites - pages of the other site may come here, and ours may go there.
 * Both return 0 or negative errno. */
int gateway_add_routes(struct gateway *g);
int gateway_allow_sites(struct gateway *g);

#endif
