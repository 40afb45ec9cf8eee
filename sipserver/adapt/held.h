/* held - output that waits for the backup, in order, in one piece of memory.
 *
 *     held_datagrams, held_reply, ...  ──>  | 17 | 17 | 18 | 18 | open |  ──> held_release(17):
 * sink items, each with the number of its batch
 *
 * What is put has no number until held_mark gives one to all that has none.  Nothing is allocated
 * for an item; while nothing waits the memory is used from its beginning again, so that of a big
 * room only what was ever needed at once is touched.
 *
 * Bounded: what finds no room is dropped and counted; the caller is told.
 */
#ifndef SIPSERVER_ADAPT_HELD_H
#define SIPSERVER_ADAPT_HELD_H

#include "common/mono.h"
#include "sipserver/core/core.h"

struct held;

/* Where output goes when it leaves.  DATAGRAMS: all of OUT, in order.  They put nothing. */
struct held_sink {
    void *arg;
    void (*datagrams)(void *arg, const struct sip_out *out);
    void (*reply)(void *arg, const struct sc_agent_reply *reply);
    void (*event)(void *arg, const struct sc_agent_event *event);
    void (*record)(void *arg, const struct sc_record *record);
};

struct held_counts {
    uint64_t items;       /* that waited */
    uint64_t dropped;     /* found no room, or the role ended */
    uint64_t longest_us;  /* that one of them waited */
    uint64_t bytes, most; /* that wait now; that ever waited at once */
};

#define HELD_ALL UINT64_MAX

int held_new(const struct held_sink *sink, struct held **ret_held);
void held_destroy(struct held **held);

/* held_room - BYTES may wait at once; it counts from when nothing waits.  0; -ENOMEM. */
#define HELD_ROOM (32u << 20) /* unless the option says otherwise */
int held_room(struct held *held, size_t bytes);

/* Each returns false when it found no room. */
bool held_datagrams(struct held *held, mono_t now, const struct sip_out *out);
bool held_reply(struct held *held, mono_t now, const struct sc_agent_reply *reply);
bool held_event(struct held *held, mono_t now, const struct sc_agent_event *event);
bool held_record(struct held *held, mono_t now, const struct sc_record *record);

/* held_mark - what was put since the last mark waits for NUMBER.  Numbers never go down. */
void held_mark(struct held *held, uint64_t number);

/* held_release - what waits for numbers up to NUMBER leaves; HELD_ALL: what has none, too. */
void held_release(struct held *held, mono_t now, uint64_t number);

/* held_drop - the role has ended: records leave, the rest is dropped. */
void held_drop(struct held *held);

bool held_empty(const struct held *held);
mono_t held_oldest(const struct held *held); /* since when the first waits; MONO_NEVER: nothing */
void held_counts(const struct held *held, struct held_counts *ret_counts);

#endif
