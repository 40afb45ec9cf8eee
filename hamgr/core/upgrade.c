#include "hamgr/core/upgrade.h"

#include <string.h>

static const struct {
    const char *text, *mend;
} reasons[] = {
#define REASON(name, text, mend) {text, mend},
#include "hamgr/core/upgrade.tbl.h"
};

const char *upgrade_text(enum upgrade_reason reason)
{
    return reason < UPGRADE_REASONS ? reasons[reason].text : "?";
}

const char *upgrade_mend(enum upgrade_reason reason)
{
    return reason < UPGRADE_REASONS ? reasons[reason].mend : "?";
}

static unsigned processes(const struct upgrade_host *h)
{
    return h->site == HAM_NONE ? 1 : UPGRADE_PROCESSES;
}

/* The version before the first that says so is 1; in a host that says its own, a process that says
 * none is not there. */
static uint32_t wire_of(const struct upgrade_host *h, unsigned process)
{
    return h->wire[0] == 0 ? 1 : h->wire[process];
}

static uint32_t oldest_of(const struct upgrade_host *h)
{
    uint32_t oldest = wire_of(h, 0);

    for (unsigned i = 1; i < processes(h); i++)
        if (wire_of(h, i) != 0 && wire_of(h, i) < oldest)
            oldest = wire_of(h, i);
    return oldest;
}

static uint8_t other_of(const struct upgrade_host *hosts, uint8_t n, uint8_t host)
{
    for (uint8_t i = 0; i < n; i++)
        if (i != host && hosts[host].site != HAM_NONE && hosts[i].site == hosts[host].site)
            return i;
    return HAM_NONE;
}

static void find_versions(const struct upgrade_host *hosts, uint8_t n, struct upgrade_verdict *v)
{
    v->oldest = UINT32_MAX;
    for (uint8_t i = 0; i < n; i++)
        for (unsigned p = 0; hosts[i].alive && p < processes(&hosts[i]); p++) {
            uint32_t wire = wire_of(&hosts[i], p);
            if (wire != 0 && wire < v->oldest)
                v->oldest = wire;
            if (wire > v->newest)
                v->newest = wire;
        }
}

static void judge_host(const struct upgrade_host *hosts, uint8_t n, uint8_t i,
                       struct upgrade_verdict *v)
{
    const struct upgrade_host *h = &hosts[i];
    uint8_t other = other_of(hosts, n, i);
    bool member = h->site != HAM_NONE, away = false;

    for (unsigned p = 0; p < processes(h); p++)
        away |= wire_of(h, p) == 0;
    const struct {
        bool holds;
        uint8_t reason;
    } checks[] = {
        {!h->alive, UPGRADE_SILENT},
        {member && other == HAM_NONE, UPGRADE_ALONE},
        {member && h->alive && !h->primary && other != HAM_NONE && !hosts[other].primary,
         UPGRADE_NO_PRIMARY},
        {h->paused, UPGRADE_PAUSED},
        {member && h->alive && !h->well, UPGRADE_UNWELL},
        {member && h->alive && !h->primary && !h->ready, UPGRADE_UNREADY},
        {h->alive && away, UPGRADE_PROCESS},
        {h->alive && oldest_of(h) + 1 < v->newest, UPGRADE_APART},
    };
    for (unsigned k = 0; k < sizeof checks / sizeof checks[0]; k++)
        if (checks[k].holds)
            v->finding[v->findings++] =
                (struct upgrade_finding){.host = i, .reason = checks[k].reason};
}

static void add_step(struct upgrade_verdict *v, uint8_t host, bool switchover)
{
    v->step[v->steps++] = (struct upgrade_step){.host = host, .switchover = switchover};
}

/* The backup, then the role to it, then the other one; what is done already is left out. */
static void plan_pair(const struct upgrade_host *hosts, uint8_t primary, uint8_t backup, bool mixed,
                      struct upgrade_verdict *v)
{
    bool primary_due = !mixed || oldest_of(&hosts[primary]) < v->newest;

    if (!mixed || oldest_of(&hosts[backup]) < v->newest)
        add_step(v, backup, false);
    if (primary_due) {
        add_step(v, backup, true);
        add_step(v, primary, false);
    }
}

/* The site that writes the configuration last, then the arbiter. */
static void plan(const struct upgrade_host *hosts, uint8_t n, struct upgrade_verdict *v)
{
    bool mixed = v->oldest != v->newest;

    for (int writers = 0; writers < 2; writers++)
        for (uint8_t i = 0; i < n; i++) {
            uint8_t backup = other_of(hosts, n, i);
            if (hosts[i].primary && backup != HAM_NONE && hosts[i].writer == (writers == 1))
                plan_pair(hosts, i, backup, mixed, v);
        }
    for (uint8_t i = 0; i < n; i++)
        if (hosts[i].site == HAM_NONE && (!mixed || oldest_of(&hosts[i]) < v->newest))
            add_step(v, i, false);
}

void upgrade_judge(const struct upgrade_host *hosts, uint8_t n, struct upgrade_verdict *v)
{
    memset(v, 0, sizeof *v);
    find_versions(hosts, n, v);
    for (uint8_t i = 0; i < n; i++)
        judge_host(hosts, n, i, v);
    if (v->findings == 0)
        plan(hosts, n, v);
}
