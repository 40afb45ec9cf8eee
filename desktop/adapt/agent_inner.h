/* agent_inner - what the files of the headless agent share: agent.c (the program and the core's
 * side), agent_requests.c (what it asks its gateway), agent_stream.c (what the gateway tells) and
 * agent_commands.c (standard input).  For nobody else.
 */
#ifndef DESKTOP_ADAPT_AGENT_INNER_H
#define DESKTOP_ADAPT_AGENT_INNER_H

#include "common/loop.h"
#include "desktop/adapt/agent_options.h"
#include "desktop/adapt/fetch.h"
#include "desktop/core/client.h"

#include <jansson.h>

/* One agent's desktop. */
struct agent {
    struct agents *all;
    const struct agent_user *user;
    struct client client;
    struct loop_timer *timer;
    struct fetch *request; /* login or logout */
    struct fetch *change;  /* of the state */
    struct fetch *stream;
    struct operation *operations; /* on calls, not yet answered */
    char token[80];
    char event[32]; /* name of the server-sent event whose data comes next */
    bool ready;     /* the last state: the one to log in with */
    char reason[CLIENT_TEXT_SIZE];
    char shown[32]; /* the state last told, so that only changes are printed */
    char shown_call[80];
    bool done;
};

struct agents {
    struct loop *loop;
    struct fetcher *fetcher;
    struct agent_options options;
    struct agent *list;
    struct loop_io *input;
    char command[512];
    size_t command_used;
};

/* agent_step - EVENT happens to AGENT's client; AGAIN: with CLIENT_EV_ENDED. */
void agent_step(struct agent *agent, enum client_event_kind event, bool again);

/* agent_say - one line; MORE (its reference is taken over) adds members to it. */
void agent_say(const struct agent *agent, const char *event, json_t *more);

/* agent_url - of the gateway of its present site. */
const char *agent_url(const struct agent *agent);

/* agent_string - a text of DOCUMENT; "" when there is none. */
const char *agent_string(const json_t *document, const char *name);

/* ---- agent_requests.c: the answers are events of the client ---- */

void agent_send_login(struct agent *agent);
void agent_send_state(struct agent *agent);
void agent_open_stream(struct agent *agent);

/* agent_post - DOCUMENT (its reference is taken over) to PATH of the gateway.
 * agent_on_logout - the answer to a logout. */
struct fetch *agent_post(struct agent *agent, const char *path, json_t *document,
                         fetch_done_fn *done);
void agent_on_logout(void *arg, struct fetch *fetch, long status, const char *body);

/* agent_operate - "dial NUMBER K=V ...", "hold [call=ID]" and so on; DOCUMENT is what the words
 * say.
 */
void agent_operate(struct agent *agent, const char *name, json_t *document);

/* agent_close_all - nothing is asked, and nothing told, any more. */
void agent_close_all(struct agent *agent);

/* ---- agent_stream.c ---- */

void agent_on_line(void *arg, struct fetch *fetch, const char *line);
void agent_on_stream_over(void *arg, struct fetch *fetch, long status, const char *body);

/* ---- agent_commands.c ---- */

void agent_on_input(void *arg, uint32_t events);

#endif
