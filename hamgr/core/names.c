/* Names of machines, states and reasons, and the limits of a message. */
#include "hamgr/core/ham.h"

const char *ham_machine_name(enum ham_machine machine)
{
    static const char *const names[MACHINES_MAX] = {"vote", "lease", "site", "supervise", "resort"};
    return machine < MACHINES_MAX ? names[machine] : "?";
}

#define STATE(name, meaning) #name,
static const char *const vote_names[] = {
#include "hamgr/core/vote.tbl.h"
};
#define STATE(name, meaning) #name,
static const char *const lease_names[] = {
#include "hamgr/core/lease.tbl.h"
};
#define STATE(name, meaning) #name,
static const char *const site_names[] = {
#include "hamgr/core/site.tbl.h"
};
#define STATE(name, meaning) #name,
static const char *const supervise_names[] = {
#include "hamgr/core/supervise.tbl.h"
};

#define STATE(name, meaning) #name,
static const char *const resort_names[] = {
#include "hamgr/core/resort.tbl.h"
};

const char *ham_state_name(enum ham_machine machine, uint8_t state)
{
    static const struct {
        const char *const *names;
        uint8_t n;
    } tables[MACHINES_MAX] = {
        {vote_names, VOTE_STATES},     {lease_names, LEASE_STATES},
        {site_names, SITE_STATES},     {supervise_names, SUPERVISE_STATES},
        {resort_names, RESORT_STATES},
    };
    if (machine >= MACHINES_MAX || state >= tables[machine].n)
        return "?";
    return tables[machine].names[state];
}

const char *ham_reason_text(enum ham_reason reason)
{
    static const char *const texts[REASON_MAX] = {
        [REASON_GRANTED] = "granted",
        [REASON_HELD] = "another holder's grant has not run out",
        [REASON_STALE] = "the epoch is too low",
        [REASON_BEHIND] = "the candidate's configuration is behind the voter's",
        [REASON_ABSTAINS] = "the voter lost its store and has not been taught yet",
        [REASON_BUSY] = "the voter is writing another change",
        [REASON_DISK] = "the voter could not write the grant to disk",
        [REASON_RANGE] = "the request is outside the limits",
        [REASON_DONE] = "done",
        [REASON_UNDER_WAY] = "under way",
        [REASON_NOT_PRIMARY] = "this host is not the primary of its site",
        [REASON_ALREADY] = "it is so already",
        [REASON_NO_PEER] = "the site has no second host",
        [REASON_PEER_SILENT] = "the other host of the site is silent",
        [REASON_PEER_UNREADY] = "the other host of the site is not ready for switchover",
        [REASON_ANTI_FLAP] = "anti-flap: too many automatic moves within the window",
        [REASON_NO_MAJORITY] = "too few voters are heard for a majority",
        [REASON_TILT] = "the clock jumped; no new right is taken for a while",
        [REASON_COPY_BEHIND] = "the other host's copy of the calls is not whole yet",
        [REASON_COPY_STALE] =
            "its copy of the calls lacks what the predecessor sent without a backup",
        [REASON_ARBITER] =
            "there is an arbiter: with it and this site's two hosts nothing need be forced",
        [REASON_SITE_HEARD] = "the other site is heard: without --force it is asked to hand over",
        [REASON_PEER_DEAF] = "the other host of the site does not hear this one",
        [REASON_SELF_UNREADY] =
            "this host is not healthy, or its copy of the calls is not whole yet",
        [REASON_PEER_HEARD] =
            "the other host of the site is heard, and gives the vote back by itself",
        [REASON_LAST_RESORT] =
            "no majority stands behind it: by the probes alone, last-resort: probe",
        [REASON_LENT] =
            "the vote of a host that was stopped in good order is lent to the other host",
        [REASON_ALONE] = "this host goes on without its backup, whose copy lacks what came since",
    };
    return reason < REASON_MAX ? texts[reason] : "?";
}

static bool valid_holder(uint8_t holder)
{
    return holder < HAM_HOSTS_MAX || holder == HAM_NONE;
}

static bool valid_beat(const struct ham_beat *b)
{
    for (int i = 0; i < RIGHTS_MAX; i++)
        if (b->votes[i].known && (!valid_holder(b->votes[i].holder) || b->votes[i].epoch == 0 ||
                                  b->votes[i].floor < b->votes[i].epoch))
            return false;
    return b->role <= ROLE_PRIMARY && b->health <= HEALTH_BAD && b->disk < DISK_GRADES;
}

bool ham_msg_valid(const struct ham_msg *m, uint8_t hosts)
{
    if (m->from >= hosts || m->type >= HAM_MSG_MAX)
        return false;
    if (m->type == HAM_MSG_BEAT)
        return valid_beat(&m->beat);
    if (m->right >= RIGHTS_MAX)
        return false;
    switch ((enum ham_msg_type)m->type) {
    case HAM_MSG_ASK:
        return m->ask.kind < ASK_KIND_MAX && m->ask.holder < HAM_HOSTS_MAX && m->ask.epoch != 0;
    case HAM_MSG_REPLY:
        return m->reply.kind < ASK_KIND_MAX && m->reply.reason < REASON_MAX &&
               valid_holder(m->reply.holder);
    case HAM_MSG_RELEASE: return m->release.epoch != 0 && valid_holder(m->release.successor);
    case HAM_MSG_HAND_OVER: return m->right == RIGHT_TICKET;
    case HAM_MSG_BEAT:
    case HAM_MSG_MAX: break;
    }
    return false;
}
