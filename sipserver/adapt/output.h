/* output - what comes out of the core leaves at once, or waits for the backup (output commit).
 *
 *     perform ─ replies, events, records ─┐              ┌── udp, stream   (component_may_serve is
 *                                         ├─ held, or ───┼── agents         asked right before)
 *     server_transmit ─ datagrams ────────┘              └── records
 *
 * replica says which (replica_holds), and releases by the batch that explains the output. Events
 * for Stat Servers and log lines never wait.
 */
#ifndef SIPSERVER_ADAPT_OUTPUT_H
#define SIPSERVER_ADAPT_OUTPUT_H

#include "sipserver/adapt/held.h"

struct server;
struct output;

int output_new(struct server *server, struct output **ret_output);
void output_destroy(struct output **output); /* records that wait are written */

void output_reply(struct output *output, const struct sc_agent_reply *reply);
void output_event(struct output *output, const struct sc_agent_event *event);
void output_record(struct output *output, const struct sc_record *record);

/* output_transmit - what has changed is committed, and everything that came out since leaves or
 * waits for it. */
void output_transmit(struct output *output);

/* output_mark - what waits for a batch to come waits for NUMBER.
 * output_release - what waits for batches up to NUMBER leaves (HELD_ALL: everything).
 * output_drop - the role has ended: what waits must not leave any more. */
void output_mark(struct output *output, uint64_t number);
void output_release(struct output *output, uint64_t number);
void output_drop(struct output *output);

mono_t output_oldest(const struct output *output); /* since when the first waits; MONO_NEVER */
int output_room(struct output *output, size_t bytes);
void output_counts(const struct output *output, struct held_counts *ret_counts);

#endif
