/* msg - what hamgrs (and the arbiter) say to each other, as plain values.
 *
 * proto/lease.proto has the same messages field by field; the adapter maps one to the other and
 * checks cluster, sender, boot id and sequence (the envelope) before a message reaches the core.
 * The core trusts FROM, and accepts loss, delay, reorder and duplicates.
 */
#ifndef HAMGR_MSG_H
#define HAMGR_MSG_H

#include "hamgr/core/types.h"

enum ham_msg_type {
    HAM_MSG_ASK,       /* candidate or holder -> voter */
    HAM_MSG_REPLY,     /* voter -> asker */
    HAM_MSG_RELEASE,   /* holder, its output stopped -> voters */
    HAM_MSG_BEAT,      /* everyone -> everyone */
    HAM_MSG_HAND_OVER, /* would-be holder of the ticket -> holder's primary: please release to us */
    HAM_MSG_MAX
};

enum ham_ask_kind {
    ASK_PROBE, /* would you grant?  promises and changes nothing */
    ASK_GRANT, /* grant, or renew when it is ours already */
    ASK_KIND_MAX
};

struct ham_ask {
    uint64_t epoch;     /* the epoch asked for */
    uint64_t seq;       /* of the asker; comes back in the reply */
    uint64_t released;  /* the holder of this epoch told us that it has stopped and let go; 0: no */
    struct ham_pos pos; /* ticket only: how far the asker's configuration has come */
    struct ham_copy copy; /* role only: how far its copy of the live objects has come */
    struct ham_copy
        solo; /* the holder's word: from here on it sends alone; sequence 0: it does not */
    uint64_t solo_turn; /* which word of this epoch, counted from 1; 0: none was said */
    uint64_t loan;      /* role only: the asker's own vote, as in struct vote_record */
    uint32_t ttl_ms;
    uint8_t kind;   /* enum ham_ask_kind */
    uint8_t holder; /* host the grant is for: the asker */
};

struct ham_reply {
    uint64_t seq;   /* of the request */
    uint64_t epoch; /* granted: the epoch granted; refused: a higher one is needed than this */
    struct ham_copy solo; /* on record */
    uint64_t solo_turn;   /* granted: the holder's last word that is on record; 0 none */
    uint32_t left_ms;     /* refused because held: until it runs out on the voter's clock */
    uint8_t kind;         /* of the request */
    uint8_t reason; /* enum ham_reason; REASON_GRANTED is the promise (or, to a probe, "I would") */
    uint8_t holder; /* whom the voter has on record; HAM_NONE nobody */
    bool stale;     /* the asker's copy does not reach SOLO */
};

struct ham_release {
    uint64_t epoch;    /* the epoch let go */
    uint8_t successor; /* host named to follow at EPOCH + 1 without waiting; HAM_NONE nobody */
    bool automatic;    /* no operator asked for it (anti-flap counts it) */
};

#define HAM_AGE_NEVER UINT16_MAX

struct ham_beat {
    struct vote_record votes[RIGHTS_MAX]; /* what this voter has on record, to teach an empty one */
    uint64_t role_epoch;                  /* of the role held, else 0 */
    uint64_t ticket_epoch;                /* of the ticket in use, else 0 */
    struct ham_copy copy;                 /* how far its copy of the live objects has come */
    uint32_t
        acknowledged_ms; /* since the operator acknowledged the automatic moves, and 1; 0: never */
    uint16_t age_ms[HAM_HOSTS_MAX]; /* since each host was last heard here; HAM_AGE_NEVER */
    uint8_t role;                   /* enum ham_role */
    uint8_t health;                 /* enum ham_health */
    uint8_t disk;                   /* enum disk_grade; DISK_UNKNOWN: it does not say */
    bool ready;                     /* a full copy: ready for switchover */
    bool writer;                    /* holds the ticket and may write */
    bool last_resort; /* serves with no majority behind it: a vote for it is welcome */
    bool leaving;     /* is being stopped in good order */
    bool takes_vote;  /* would take the vote of the pair's other host, if that leaves */
};

struct ham_msg {
    uint8_t type;  /* enum ham_msg_type */
    uint8_t from;  /* host */
    uint8_t right; /* enum ham_right; ASK, REPLY, RELEASE, HAND_OVER */
    union {
        struct ham_ask ask;
        struct ham_reply reply;
        struct ham_release release;
        struct ham_beat beat;
    };
};

/* ham_msg_valid - every field within its limits (HOSTS hosts are configured); call it on whatever
 * came over a wire. */
bool ham_msg_valid(const struct ham_msg *m, uint8_t hosts);

#endif
