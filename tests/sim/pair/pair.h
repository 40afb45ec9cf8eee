/* pair - a site of two hosts: one serves, the other follows it by the replica of
 * sipserver/core/replica.h; hosts die at any moment, come back empty and join.
 *
 *     serves                                            follows
 *     step ... step, the turn closes:
 *       sc_replica_changes, _slice   --- batch --->     sc_replica_apply
 *       its output is held           <--- known ---     digest of the copy
 *     output leaves
 *
 * The channel is in order and loses nothing until it breaks or its sender dies; then what was under
 * way is lost from some batch on.  Without a backup output leaves at once, as it does until the
 * copy is whole.
 *
 *   pair.c     the hosts: death, takeover, switchover, coming back
 *   channel.c  turns, batches, what is held
 *   shot.c     what a core knows, in words, to compare two of them
 */
#ifndef TESTS_SIM_PAIR_PAIR_H
#define TESTS_SIM_PAIR_PAIR_H

#include "sipserver/core/replica.h"
#include "tests/sim/calls/world.h"

struct shot; /* shot.c */

/* A datagram that waits. */
struct held {
    struct sip_addr to;
    uint64_t txn;
    size_t len;
    char *data;
};

/* What one turn of the primary gave. */
struct turn {
    struct turn *next;
    uint64_t sequence; /* of its batch; 0: nothing has changed, it waits for those before it */
    char *objects;
    size_t len;
    bool whole;             /* the copy is whole with it */
    uint64_t count, digest; /* of the primary, with it */
    mono_t made;            /* by the primary's clock */
    mono_t arrives, known;  /* the batch; that it is in the copy.  MONO_NEVER: not yet */
    bool applied, told;     /* in the copy; its actions have been seen */
    struct sc_action *actions;
    unsigned actions_n;
    struct held *held;
    unsigned held_n;
    uint64_t operations[2]; /* of desktops that came in it: from, to */
    struct shot *shot;      /* what the primary knew with it; NULL: not taken */
};

/* Where the primary dies. */
enum strike {
    STRIKE_NONE,
    STRIKE_NOW,     /* between two events */
    STRIKE_STEPPED, /* a step is done, its turn is open */
    STRIKE_MADE,    /* the batch is made, not sent */
    STRIKE_SENT,    /* the batch is under way */
    STRIKE_APPLIED, /* the backup has it, the primary does not know */
    STRIKE_KNOWN,   /* the primary knows, nothing has left */
    STRIKE_SENDING, /* a part of the output has left */
    STRIKE_SLICING, /* the copy is not whole */
    STRIKES
};

struct pair {
    struct site *site;
    struct prng prng;

    /* the primary's */
    struct turn *open; /* not closed yet */
    mono_t closes;
    struct turn *first, **end; /* closed: what the backup does not have or the primary not know */
    bool following;            /* a backup has joined */
    bool whole;                /* its copy is, with the batches that were sent: output is held */
    uint64_t operation;        /* the last one that came in a closed turn */
    uint64_t sequence;
    mono_t last_arrival, last_known;
    mono_t solo; /* goes on without its backup, if it hears nothing until then */

    /* the backup's */
    bool copied;   /* the copy is whole */
    bool stale;    /* the primary has gone on without us since */
    bool measured; /* AHEAD is known */
    int64_t
        ahead_ns[2];   /* its clock less the primary's: the least of what the last batches said, */
    mono_t remeasure;  /* ... as each says too much by its delay; begun anew for the drift */
    uint64_t applied;  /* sequence */
    struct shot *shot; /* of the last batch in the copy */

    /* what happens to them */
    struct host *leaving; /* in a switchover: stopped, until its last batch is known */
    struct host *heir;    /* takes over at TAKEOVER */
    mono_t takeover, join, slice, slow_until, die, kill, leave, cut, lapse;
    bool regains;       /* the heir had the role before, and goes on from what it had */
    mono_t back[HOSTS]; /* a dead host starts again */
    enum strike strike; /* the primary dies there, from ARMED on */
    mono_t armed;
    bool watch;  /* the primary's batches come with shots */
    bool broken; /* the channel, until the backup joins again */
};

/* Of all seeds, for people. */
struct pair_tally {
    uint64_t takeovers, compared, incomplete, empty, switchovers, joins, wholes, solos, batches,
        bytes, backups_killed, lapses, regained, strikes[STRIKES];
};
extern struct pair_tally pair_tally;

/* pair.c */
extern const struct pairing pairing;
struct host *pair_other(const struct pair *p); /* the host that does not serve, if it lives */
bool pair_strikes(struct world *w, struct pair *p, enum strike where);
void pair_settle(struct world *w, struct pair *p); /* a backup that can join will */

/* channel.c */
void channel_stepped(struct world *w, struct site *s);
void channel_close(struct world *w, struct pair *p); /* the open turn */
mono_t channel_next(const struct pair *p);
bool channel_act(struct world *w, struct pair *p);
void channel_join(struct world *w, struct pair *p);
void channel_solo(struct world *w, struct pair *p); /* the primary goes on alone */
void channel_cut(struct world *w, struct pair *p);  /* its sender is dead */
void channel_drop(struct world *w, struct pair *p); /* everything that is left of it */
void channel_lapse(struct world *w,
                   struct pair *p); /* the primary stops; its records are written */

/* shot.c */
struct shot *shot_take(const struct world *w, const struct host *h);
void shot_free(struct shot **shot);
/* WHOLE: the copy was; else what there is of calls must be as it was. */
void shot_compare(struct world *w, const struct site *s, const struct shot *before,
                  const struct shot *after, bool whole);

#endif
