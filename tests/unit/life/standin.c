/* standin - a SIP server as far as hamgr sees it: its copy is always whole, it serves when it is
 * told to, and it asks to send alone at SIGUSR1, until SIGUSR2.  For life.py, which has it started
 * in the place of the sipserver. */
#include "common/component.h"
#include "common/log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

struct standin {
    struct component *component;
    uint64_t epoch, sequence; /* of the last batch, here or in the copy */
    bool alone, wants_alone;
};

static void on_alone(void *arg, int signal)
{
    struct standin *s = arg;

    s->wants_alone = signal == SIGUSR1;
    component_ask_solo(s->component, s->component->role.epoch,
                       s->wants_alone ? s->sequence + 1 : 0);
    component_report(s->component);
}

static int start(struct component *component)
{
    struct standin *s = component->self;
    int r;

    s->component = component;
    s->sequence = 100;
    r = loop_signal(component->loop, SIGUSR1, on_alone, s);
    return r < 0 ? r : loop_signal(component->loop, SIGUSR2, on_alone, s);
}

static void on_role(struct component *component)
{
    const struct component_role *role = &component->role;
    struct standin *s = component->self;

    if (role->primary)
        s->epoch = role->epoch;
    if (s->alone != (role->solo_sequence != 0))
        log_event(LEVEL_NOTICE, MSG_ROLE, LOG_FIELDS(.to = role->solo_sequence != 0 ? "SOLO" : ""),
                  "from %" PRIu64 " of epoch %" PRIu64, role->solo_sequence, role->solo_epoch);
    s->alone = role->solo_sequence != 0;
}

static void report(struct component *component, Sf__RoleReport *report)
{
    const struct standin *s = component->self;

    report->replica_state = s->alone         ? SF__REPLICA_STATE__REPLICA_SOLO
                            : s->wants_alone ? SF__REPLICA_STATE__REPLICA_JOINING
                                             : SF__REPLICA_STATE__REPLICA_READY;
    report->replica_why = (char *)(s->wants_alone ? "no acknowledgement" : "");
    report->replica_epoch = s->epoch;
    report->replica_sequence = s->sequence;
    report->replica_objects = 7;
    report->replica_digest = UINT64_C(0x0123456789abcdef);
}

int main(int argc, char **argv)
{
    static struct standin s;
    static const struct component_hooks hooks = {
        .process = PROCESS_SIPSERVER, .start = start, .on_role = on_role, .report = report};

    return component_main(argc, argv, &hooks, &s);
}
