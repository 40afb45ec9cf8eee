#include "confproxy/core/roles.h"

#include <assert.h>
#include <string.h>

/* What guards and actions see of the step. */
struct step {
    struct roles *r;
    mono_t now;
    struct roles_out *out;
};

static void fire(struct step *s, enum roles_event event);
static void follow(struct step *s);
static uint32_t ahead_host(const struct roles *r);

/* --- Guards: pure predicates. --- */

static bool always(const struct step *s)
{
    (void)s;
    return true;
}

static bool follows_somebody(const struct step *s)
{
    return s->r->following != ROLES_NOBODY;
}

static bool follows_nobody(const struct step *s)
{
    return s->r->following == ROLES_NOBODY;
}

static bool all_heard(const struct roles *r)
{
    for (uint32_t h = 0; h < r->conf.host_count; h++)
        if (!r->hosts[h].heard)
            return false;
    return true;
}

/* A copy that is ahead and reachable is fetched first, however long that takes. */
static bool may_open(const struct step *s)
{
    const struct roles *r = s->r;
    bool waited = mono_due(mono_add_ms(r->waiting_since, r->conf.catch_up_wait_ms), s->now);

    return ahead_host(r) == ROLES_NOBODY && (waited || all_heard(r)) &&
           mono_due(r->open_not_before, s->now) && r->write_epoch >= r->held.epoch;
}

static bool epoch_changed(const struct step *s)
{
    return s->r->write_epoch != s->r->opened_epoch;
}

static bool sees_later_epoch(const struct step *s)
{
    for (uint32_t h = 0; h < s->r->conf.host_count; h++)
        if (s->r->hosts[h].heard && s->r->hosts[h].position.epoch > s->r->write_epoch)
            return true;
    return false;
}

/* --- Actions: append to the output, set own fields. --- */

static struct roles_action *act(struct step *s, enum roles_action_kind kind)
{
    assert(s->out->count < ROLES_OUT_MAX);
    struct roles_action *action = &s->out->actions[s->out->count++];
    memset(action, 0, sizeof *action);
    action->kind = kind;
    return action;
}

static void none(struct step *s)
{
    (void)s;
}

static void begin(struct step *s)
{
    s->r->waiting_since = s->now;
    s->r->open_not_before = s->now;
    s->r->open_failed = false;
}

static void open_epoch(struct step *s)
{
    act(s, ROLES_ACT_OPEN)->epoch = s->r->write_epoch;
    s->r->opened_epoch = s->r->write_epoch;
    s->r->open_not_before = MONO_NEVER; /* until it is answered */
}

static void hold_off(struct step *s)
{
    s->r->open_not_before = mono_add_ms(s->now, s->r->conf.open_retry_ms);
    s->r->open_failed = true;
}

/* --- The table. --- */

static const struct {
    enum roles_state from;
    enum roles_event event;
    bool (*guard)(const struct step *s);
    enum roles_state to;
    void (*action)(struct step *s); /* NULL: the event is ignored */
    const char *why;
} rows[] = {
#define ROW(from, event, guard, to, action, why, source)                                           \
    {ROLES_##from, ROLES_EV_##event, guard, ROLES_##to, action, why},
#define IGNORE(from, event, why, source)                                                           \
    {ROLES_##from, ROLES_EV_##event, always, ROLES_##from, NULL, why},
#include "confproxy/core/roles.tbl.h"
};

const char *roles_state_text(enum roles_state state)
{
    static const char *const texts[] = {
        [ROLES_DORMANT] = "dormant",
        [ROLES_FOLLOWER] = "follower",
        [ROLES_CATCHING_UP] = "catching-up",
        [ROLES_WRITER] = "writer",
    };
    return texts[state];
}

static void fire(struct step *s, enum roles_event event)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].from != s->r->state || rows[i].event != event || !rows[i].guard(s))
            continue;
        if (rows[i].action == NULL)
            return;
        if (rows[i].to != s->r->state) {
            struct roles_action *note = act(s, ROLES_ACT_NOTE);
            note->from = s->r->state;
            note->to = rows[i].to;
            note->event = event;
            note->epoch = s->r->write_epoch;
            note->why = rows[i].why;
        }
        s->r->state = rows[i].to; /* the only place that writes it after the start */
        rows[i].action(s);
        return;
    }
    assert(false); /* a pair without a row: the test of the table would have found it */
}

/* --- Whom to follow. --- */

static bool ahead(const struct roles *r, uint32_t host)
{
    return r->hosts[host].heard && copy_compare(r->hosts[host].position, r->held) > 0;
}

/* ahead_host - the reachable copy to fetch from: the pair's when it is ahead, else the foremost. */
static uint32_t ahead_host(const struct roles *r)
{
    uint32_t best = ROLES_NOBODY;

    if (r->conf.pair != ROLES_NOBODY && ahead(r, r->conf.pair))
        best = r->conf.pair;
    for (uint32_t h = 0; h < r->conf.host_count; h++)
        if (ahead(r, h) && (best == ROLES_NOBODY ||
                            copy_compare(r->hosts[h].position, r->hosts[best].position) > 0))
            best = h;
    return best;
}

/* A frozen or cut-off writer still says that it writes, in an epoch that is over: a copy that knows
 * a later one does not listen to it. */
uint32_t roles_writer(const struct roles *r)
{
    uint32_t best = ROLES_NOBODY;

    for (uint32_t h = 0; h < r->conf.host_count; h++) {
        const struct roles_host *host = &r->hosts[h];
        if (host->heard && host->writer && host->position.epoch >= r->held.epoch &&
            (best == ROLES_NOBODY || host->position.epoch > r->hosts[best].position.epoch))
            best = h;
    }
    return best;
}

static uint32_t choose(const struct roles *r)
{
    uint32_t writer = roles_writer(r);

    if (r->state == ROLES_WRITER)
        return ROLES_NOBODY;
    if (r->state == ROLES_CATCHING_UP)
        return ahead_host(r);
    if (writer != ROLES_NOBODY)
        return writer;
    if (r->told_writer != ROLES_NOBODY && r->hosts[r->told_writer].heard &&
        copy_compare(r->hosts[r->told_writer].position, r->held) >= 0)
        return r->told_writer;
    return ahead_host(r);
}

static void follow(struct step *s)
{
    uint32_t chosen = choose(s->r);

    if (chosen == s->r->following)
        return;
    s->r->following = chosen;
    if (chosen == ROLES_NOBODY)
        act(s, ROLES_ACT_UNFOLLOW);
    else
        act(s, ROLES_ACT_FOLLOW)->host = chosen;
}

uint32_t roles_waits_for(const struct roles *r)
{
    return r->state == ROLES_CATCHING_UP ? ahead_host(r) : ROLES_NOBODY;
}

/* --- Steps. --- */

void roles_init(struct roles *r, const struct roles_conf *conf, struct copy_position held)
{
    assert(conf->host_count <= ROLES_HOSTS_MAX);
    *r = (struct roles){.conf = *conf,
                        .state = ROLES_DORMANT,
                        .held = held,
                        .told_writer = ROLES_NOBODY,
                        .following = ROLES_NOBODY,
                        .deadline = MONO_ZERO,
                        .open_not_before = MONO_NEVER};
}

static void apply_time(struct step *s)
{
    struct roles *r = s->r;

    for (uint32_t h = 0; h < r->conf.host_count; h++) {
        struct roles_host *host = &r->hosts[h];
        if (host->heard && mono_due(mono_add_ms(host->heard_at, r->conf.silent_ms), s->now))
            *host = (struct roles_host){0};
    }
    if (r->ordered && mono_due(r->deadline, s->now)) {
        r->ordered = false;
        fire(s, ROLES_EV_OVER);
    }
}

static void take_order(struct step *s, const struct roles_input *in)
{
    struct roles *r = s->r;
    bool was = r->ordered;

    r->ordered = in->writer && in->epoch != 0 && !mono_due(in->deadline, s->now);
    r->write_epoch = r->ordered ? in->epoch : r->write_epoch;
    r->deadline = in->deadline;
    if (r->ordered)
        fire(s, ROLES_EV_ORDERED);
    else if (was)
        fire(s, ROLES_EV_OVER);
}

static void take(struct step *s, const struct roles_input *in)
{
    struct roles *r = s->r;

    switch (in->kind) {
    case ROLES_IN_ORDER: take_order(s, in); break;
    case ROLES_IN_BEAT:
        assert(in->host < r->conf.host_count);
        r->hosts[in->host] = (struct roles_host){true, in->writer, in->position, s->now};
        break;
    case ROLES_IN_DOWN:
        assert(in->host < r->conf.host_count);
        r->hosts[in->host] = (struct roles_host){0};
        break;
    case ROLES_IN_VIEW: r->told_writer = in->host; break;
    case ROLES_IN_HELD: r->held = in->position; break;
    case ROLES_IN_OPENED: fire(s, in->ok ? ROLES_EV_OPENED : ROLES_EV_OPEN_FAILED); break;
    case ROLES_IN_TIME: break;
    }
}

void roles_step(struct roles *r, mono_t now, const struct roles_input *input, struct roles_out *out)
{
    struct step s = {r, now, out};

    out->count = 0;
    r->stepped_at = now;
    apply_time(&s);
    take(&s, input);
    follow(&s); /* before the state judges whether it follows somebody */
    fire(&s, ROLES_EV_HEARD);
    follow(&s); /* a state that changed may follow another */
    assert(roles_sane(r));
}

mono_t roles_deadline(const struct roles *r)
{
    mono_t next = r->ordered ? r->deadline : MONO_NEVER;

    if (r->state == ROLES_CATCHING_UP) {
        const mono_t turns[] = {mono_add_ms(r->waiting_since, r->conf.catch_up_wait_ms),
                                r->open_not_before};
        for (int i = 0; i < 2; i++) /* one that has passed waits for something else */
            if (mono_before(r->stepped_at, turns[i]))
                next = mono_min(next, turns[i]);
    }
    for (uint32_t h = 0; h < r->conf.host_count; h++)
        if (r->hosts[h].heard)
            next = mono_min(next, mono_add_ms(r->hosts[h].heard_at, r->conf.silent_ms));
    return next;
}

bool roles_may_write(const struct roles *r, mono_t now)
{
    return r->state == ROLES_WRITER && r->ordered && mono_before(now, r->deadline);
}

bool roles_sane(const struct roles *r)
{
    bool writes = r->state == ROLES_WRITER || r->state == ROLES_CATCHING_UP;

    return writes == r->ordered && (r->state != ROLES_WRITER || r->following == ROLES_NOBODY) &&
           (r->state != ROLES_WRITER || r->opened_epoch == r->write_epoch) &&
           (r->following == ROLES_NOBODY || r->following < r->conf.host_count);
}
