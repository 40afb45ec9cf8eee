/* session - the session timer of each leg (RFC 4028; session.tbl.h).
 *
 * Asked for in every INVITE and granted in every 2xx of ours, on each leg by itself.  A party that
 * knows session timers refreshes; for one that does not, we do: by UPDATE where it allows that,
 * else by a re-INVITE with the session description that it was sent last; where that is not kept it
 * is asked by OPTIONS whether it is there.  A request that passes through from the other party
 * refreshes too.
 */
#ifndef SIPSERVER_CORE_SESSION_H
#define SIPSERVER_CORE_SESSION_H

#include "sipserver/core/state.h"

/* What a message of ours says about a leg's session; the texts live as long as this. */
struct session_words {
    struct sip_extra extras[5];
    unsigned n;
    char expires[32];
    char min[12];
};

void session_init(struct leg *l);

/* sdp_room - bytes of a description that one of SIZE can hold. */
uint32_t sdp_room(enum sdp_size size);

/* session_refuse - true: EVENT asks for a shorter interval than min-se and has been answered 422.
 */
bool session_refuse(struct sc *sc, const struct sip_event *event);

/* session_asked - REQUEST, an INVITE or UPDATE of L's party, is on its way to a 2xx of ours. */
void session_asked(struct leg *l, const struct sip_msg *request);

/* session_ask - what an INVITE or UPDATE to L's party says. */
void session_ask(const struct sc *sc, struct leg *l, struct session_words *ret_words);

/* session_grant - what our 2xx to L's party says; the timer begins. */
void session_grant(struct sc *sc, struct leg *l, struct session_words *ret_words);

/* session_granted - RESPONSE is the 2xx to an INVITE or UPDATE of ours; the timer begins. */
void session_granted(struct sc *sc, struct leg *l, const struct sip_msg *response);

/* session_answered - EVENT is the final answer to an INVITE or UPDATE that passed through. */
void session_answered(struct sc *sc, struct leg *l, const struct sip_event *event);

/* session_raise - RESPONSE is a 422: ask for more next time.  False: it makes no sense. */
bool session_raise(struct leg *l, const struct sip_msg *response);

/* session_sent - CONTENT goes to L's party as offer or answer.  Returns: what it is to be sent: the
 * same, unless the server has changed what the party sees (session_own_origin, leg->stopped).
 * session_again - the same once more, for who may have missed it or must see no change.  Both good
 * until the next call.  session_last - as it came from the other party; empty: it is not kept. */
struct sip_content session_sent(struct sc *sc, struct leg *l, struct sip_content content);
struct sip_content session_again(struct sc *sc, const struct leg *l);
struct sip_content session_last(const struct sc *sc, const struct leg *l);

/* session_changed - what was sent to L's party last as it looks now that leg->stopped has changed.
 */
struct sip_content session_changed(struct sc *sc, struct leg *l);

/* session_own_origin - from now on L's party sees one origin, whoever speaks to it, and its version
 * rises with each change (RFC 3264 8).  False: what it was sent last is not kept. */
bool session_own_origin(const struct sc *sc, struct leg *l);

/* session_response - true: EVENT was of a refresh of ours. */
bool session_response(struct sc *sc, struct leg *l, const struct sip_event *event);

/* session_reinvites - our own re-INVITE to L's party is under way. */
bool session_reinvites(const struct leg *l);

void session_timer(struct sc *sc, struct leg *l);
void session_end(struct sc *sc, struct leg *l);

#endif
