/* roles - is this host's confproxy the writer of the configuration, whom does it follow?
 *
 *         order, beats of the other copies, our own position
 *                            |
 *     DORMANT <--> FOLLOWER ---told to write---> CATCHING_UP ---opened---> WRITER
 *        ^                                            |                      |
 *        +---------------- the right ended -----------+----------------------+
 *
 * A new writer first fetches what any reachable copy holds beyond its own, then opens its epoch
 * with an empty transaction: from then on every copy knows which history holds, and what another
 * host wrote in an earlier epoch and told nobody is a conflict record there.
 *
 * Time first: a step ends the right at its deadline before it looks at the event.  The adapter asks
 * roles_may_write again inside the transaction and before the acknowledgement.
 *
 * Owns:   nothing; no allocation.
 * Errors: none.
 * Source: behaviour.md C-1, C-4, C-6, C-7.
 */
#ifndef CONFPROXY_CORE_ROLES_H
#define CONFPROXY_CORE_ROLES_H

#include "common/mono.h"
#include "confproxy/core/copy.h"

#define ROLES_HOSTS_MAX 4
#define ROLES_NOBODY    ROLES_HOSTS_MAX
#define ROLES_OUT_MAX   8

enum roles_state {
#define STATE(name, meaning) ROLES_##name,
#include "confproxy/core/roles.tbl.h"
};

enum roles_event {
#define EVENT(name, meaning) ROLES_EV_##name,
#include "confproxy/core/roles.tbl.h"
};

/* The other hosts are named by index; PAIR may be ROLES_NOBODY. */
struct roles_conf {
    uint32_t host_count;
    uint32_t pair;
    uint32_t catch_up_wait_ms;
    uint32_t silent_ms;     /* a host whose last beat is older is not reachable */
    uint32_t open_retry_ms; /* after an opening that failed */
};

struct roles_host {
    bool heard;
    bool writer; /* it says so itself */
    struct copy_position position;
    mono_t heard_at;
};

struct roles {
    struct roles_conf conf;
    enum roles_state state;
    struct roles_host hosts[ROLES_HOSTS_MAX];
    uint32_t told_writer; /* hamgr's view: which other host writes */
    struct copy_position held;
    bool ordered;
    uint64_t write_epoch;
    mono_t deadline;
    uint64_t opened_epoch;
    mono_t stepped_at;
    mono_t waiting_since;
    mono_t open_not_before;
    bool open_failed;
    uint32_t following;
};

/* What happened; the step's input. */
enum roles_input_kind {
    ROLES_IN_ORDER,  /* writer, epoch, deadline */
    ROLES_IN_BEAT,   /* host, writer, position */
    ROLES_IN_DOWN,   /* host: its connection is gone */
    ROLES_IN_VIEW,   /* host: who writes by hamgr's view, ROLES_NOBODY: another, or nobody */
    ROLES_IN_HELD,   /* position: our copy has changed */
    ROLES_IN_OPENED, /* ok */
    ROLES_IN_TIME,
};

struct roles_input {
    enum roles_input_kind kind;
    uint32_t host;
    bool writer;
    bool ok;
    uint64_t epoch;
    mono_t deadline;
    struct copy_position position;
};

enum roles_action_kind {
    ROLES_ACT_NOTE,     /* the state moved: from, to, why */
    ROLES_ACT_FOLLOW,   /* host: ask it for its log */
    ROLES_ACT_UNFOLLOW, /* take no more from anybody */
    ROLES_ACT_OPEN,     /* epoch: write its first transaction, answer with ROLES_IN_OPENED */
};

struct roles_action {
    enum roles_action_kind kind;
    uint32_t host;
    uint64_t epoch;
    enum roles_state from;
    enum roles_state to;
    enum roles_event event;
    const char *why;
};

struct roles_out {
    uint32_t count;
    struct roles_action actions[ROLES_OUT_MAX];
};

void roles_init(struct roles *r, const struct roles_conf *conf, struct copy_position held);

/* roles_step - INPUT happened at NOW.  OUT is overwritten. */
void roles_step(struct roles *r, mono_t now, const struct roles_input *input,
                struct roles_out *out);

/* roles_deadline - call roles_step with ROLES_IN_TIME no later than this. */
mono_t roles_deadline(const struct roles *r);

/* roles_may_write - is this host the writer at NOW? */
bool roles_may_write(const struct roles *r, mono_t now);

/* roles_writer - the other host that writes as far as known here, or ROLES_NOBODY. */
uint32_t roles_writer(const struct roles *r);

/* roles_waits_for - while catching up: the host whose copy is ahead, or ROLES_NOBODY. */
uint32_t roles_waits_for(const struct roles *r);

bool roles_sane(const struct roles *r);
/* roles_state_text - as the status says it and the log: "catching-up". */
const char *roles_state_text(enum roles_state state);

#endif
