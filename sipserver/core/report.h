/* report - what the core tells its adapters besides datagrams: statistics, agent events, notes for
 * the log. */
#ifndef SIPSERVER_CORE_REPORT_H
#define SIPSERVER_CORE_REPORT_H

#include "sipserver/core/state.h"

struct sc_action *report(struct sc *sc,
                         enum sc_action_kind kind); /* the next free action, zeroed */

void report_note(struct sc *sc, enum sc_note_kind kind, const char *object, const char *from,
                 const char *to, const char *reason);
void report_agent(struct sc *sc, const struct agent *a, enum sc_agent_event_kind kind,
                  const struct call *c);

/* report_line - KIND happens to L's call; nothing when nobody is logged in at L's phone. */
void report_line(struct sc *sc, const struct leg *l, enum sc_agent_event_kind kind);
void report_dn(struct sc *sc, const struct dn *d);
void report_queue(struct sc *sc, const struct queue *q);
void report_call(struct sc *sc, struct call *c, enum sc_call_phase phase, const char *reason);
void report_mode(struct sc *sc, const char *from);

void line_event(const struct sc *sc, const struct agent *a, const struct leg *l,
                enum sc_agent_event_kind kind, struct sc_agent_event *ret);
void agent_status(const struct sc *sc, const struct agent *a, struct sc_agent_event *ret);
void queue_status(const struct sc *sc, const struct queue *q, struct sc_queue_status *ret);
void dn_status(const struct dn *d, struct sc_dn_status *ret);
void call_id_text(const struct sc *sc, const struct call *c, char text[SC_CALL_ID_SIZE]);
void call_name_text(const struct sc *sc, uint64_t epoch, uint64_t number,
                    char text[SC_CALL_ID_SIZE]);

#endif
