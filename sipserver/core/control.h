/* control - third-party call control: what an agent does with its phone from the desktop.
 *
 *     desktop ── request ──> control_request ──> re-INVITE, NOTIFY, INVITE to the phone ...
 *             <── exactly one reply ──          <── answers of the parties, time
 *             <── events of the call (report_line), complete and in order ──
 *
 * One operation of an agent at a time (struct control, control.tbl.h); a second is refused,
 * retriable, but for release, which overtakes.  The phone and the other party may act by themselves
 * meanwhile: glare is asked again a little later, a release ends the operation with its reply.
 *
 * Hold and retrieve are re-INVITEs of ours to both parties, with each other's session description,
 * its directions changed in a copy (docs/decisions/0007).  A dialled call begins at the phone, by
 * an INVITE without offer that asks it to answer by itself (RFC 3725 4.3).
 */
#ifndef SIPSERVER_CORE_CONTROL_H
#define SIPSERVER_CORE_CONTROL_H

#include "sipserver/core/state.h"

/* control_request - R, an operation of A on its calls: refused at once, or begun. */
void control_request(struct sc *sc, const struct sc_agent_request *r, struct agent *a);

/* control_event - EVENT happens to A's operation: the only place that moves its state.
 * ARGUMENT: the SIP status of REFUSED (const unsigned *), else NULL. */
void control_event(struct sc *sc, struct agent *a, enum control_event event, const void *argument);

/* control_reply - the one reply to A's operation; once given, nothing more. */
void control_reply(struct sc *sc, struct agent *a, int code, bool retriable, const char *text);

/* control_response - true: EVENT was of a request that an operation sent. */
bool control_response(struct sc *sc, struct leg *l, const struct sip_event *event);

/* control_awaits - A's operation waits for an answer of L's party. */
bool control_awaits(const struct sc *sc, const struct agent *a, const struct leg *l);

/* control_transferred - the transfer that AGENT asked for is over, with STATUS. */
void control_transferred(struct sc *sc, handle_t agent, unsigned status);

/* control_heard - RESPONSE of the phone of L, which rings, to our INVITE. */
void control_heard(struct leg *l, const struct sip_msg *response);

/* control_answered - the phone of L has answered. */
void control_answered(struct sc *sc, const struct leg *l);

/* control_words - append to EXTRAS what an INVITE to L's party says besides: that the phone may
 * answer by itself, and the attached data to the other site.  Returns: how many there are now. */
unsigned control_words(const struct sc *sc, const struct call *c, const struct leg *l,
                       struct sip_extra *extras, unsigned n);

/* control_line_new - L, at phone D, can be controlled.  control_line_over - no longer: its agent is
 * told. */
void control_line_new(const struct sc *sc, struct dn *d, const struct leg *l);
void control_line_over(struct sc *sc, struct leg *l);

/* control_holds - L's party has put the other one on hold by itself, or retrieved it. */
void control_holds(struct sc *sc, struct leg *l, bool holds);

void control_timer(struct sc *sc, struct agent *a);

/* control_abort - A's operation ends now, with its reply.  control_forget - without a word. */
void control_abort(struct sc *sc, struct agent *a, const char *why);
void control_forget(struct sc *sc, struct agent *a);

#endif
