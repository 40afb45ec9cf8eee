#include "desktop/core/client.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

struct step {
    struct client *client;
    mono_t now;
    struct client_out *out;
};

typedef bool guard_fn(const struct client *client, mono_t now);
typedef void action_fn(struct step *step);

struct row {
    enum client_state from;
    enum client_event_kind event;
    guard_fn *guard; /* NULL: always */
    enum client_state to;
    action_fn *action;
    const char *why;
    bool ignore;
};

static guard_fn site_lost, out_long, again;
static action_fn send_login, done, move, wait_short, open_stream, wait_jitter, refused, seek, heard,
    pause_first, login_again, ended, send_logout, pause, found, seek_more;

#define always NULL

static const struct row rows[] = {
#define ROW(from_, event_, guard_, to_, action_, why_, source)                                     \
    {CLIENT_##from_, CLIENT_EV_##event_, guard_, CLIENT_##to_, action_, why_, false},
#define IGNORE(from_, event_, why_, source)                                                        \
    {CLIENT_##from_, CLIENT_EV_##event_, always, CLIENT_##from_, NULL, why_, true},
#include "desktop/core/client.tbl.h"
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* ---- guards ---- */

static bool site_lost(const struct client *client, mono_t now)
{
    return client->conf.site_count > 1 && !mono_is_never(client->lost_since) &&
           mono_due(mono_add_ms(client->lost_since, client->conf.site_loss_after_ms), now);
}

static bool out_long(const struct client *client, mono_t now)
{
    return client->conf.site_count > 1 && !mono_is_never(client->later_since) &&
           mono_due(mono_add_ms(client->later_since, client->conf.out_after_ms), now);
}

static bool again(const struct client *client, mono_t now)
{
    (void)now;
    return client->again;
}

/* ---- actions ---- */

static struct client_action *act(struct step *step, enum client_action_kind kind)
{
    struct client_action *action = &step->out->actions[step->out->count++];

    assert(step->out->count <= CLIENT_OUT_MAX);
    *action = (struct client_action){.kind = kind, .site = step->client->site};
    return action;
}

static void due_in(struct step *step, int64_t ms)
{
    step->client->due = mono_add_ms(step->now, ms);
}

/* not_reached - from now on, unless it began earlier. */
static void not_reached(struct step *step)
{
    if (mono_is_never(step->client->lost_since))
        step->client->lost_since = step->now;
}

static void reached(struct step *step)
{
    step->client->lost_since = MONO_NEVER;
}

static void send_login(struct step *step)
{
    not_reached(step);
    act(step, CLIENT_ACT_CLOSE);
    act(step, CLIENT_ACT_LOGIN);
    due_in(step, step->client->conf.attempt_ms);
}

static void login_again(struct step *step)
{
    reached(step);
    send_login(step);
}

static void open_stream(struct step *step)
{
    reached(step);
    step->client->later_since = MONO_NEVER;
    step->client->laters = 0;
    act(step, CLIENT_ACT_OPEN);
    due_in(step, step->client->conf.silent_after_ms);
}

static void heard(struct step *step)
{
    due_in(step, step->client->conf.silent_after_ms);
}

static void found(struct step *step)
{
    reached(step);
    heard(step);
}

static void seek_more(struct step *step)
{
    act(step, CLIENT_ACT_CLOSE);
    act(step, CLIENT_ACT_OPEN);
    due_in(step, step->client->conf.attempt_ms);
}

static void seek(struct step *step)
{
    not_reached(step);
    seek_more(step);
}

static void pause(struct step *step)
{
    act(step, CLIENT_ACT_CLOSE);
    due_in(step, step->client->conf.retry_ms);
}

static void pause_first(struct step *step)
{
    not_reached(step);
    pause(step);
}

static void wait_short(struct step *step)
{
    act(step, CLIENT_ACT_CLOSE);
    due_in(step, step->client->conf.retry_ms);
}

/* wait_jitter - the site answered: it is not lost. */
static void wait_jitter(struct step *step)
{
    struct client *c = step->client;
    int64_t high = c->conf.later_min_ms;

    reached(step);
    if (mono_is_never(c->later_since))
        c->later_since = step->now;
    for (uint32_t i = 0; i <= c->laters && high < c->conf.later_max_ms; i++)
        high *= 2;
    if (high > c->conf.later_max_ms)
        high = c->conf.later_max_ms;
    c->laters++;
    act(step, CLIENT_ACT_CLOSE);
    due_in(step, prng_between(&c->prng, c->conf.later_min_ms, high));
}

static void move(struct step *step)
{
    struct client *c = step->client;

    act(step, CLIENT_ACT_CLOSE);
    c->site = (c->site + 1) % c->conf.site_count;
    c->moves++;
    c->lost_since = c->later_since = MONO_NEVER;
    c->laters = 0;
    due_in(step, c->conf.spread_ms == 0 ? 0 : prng_between(&c->prng, 0, c->conf.spread_ms));
}

static void send_logout(struct step *step)
{
    act(step, CLIENT_ACT_LOGOUT);
    due_in(step, step->client->conf.attempt_ms);
}

static void done(struct step *step)
{
    act(step, CLIENT_ACT_CLOSE);
    act(step, CLIENT_ACT_DONE);
    step->client->due = MONO_NEVER;
}

static void refused(struct step *step)
{
    step->client->refused = true;
    done(step);
}

static void ended(struct step *step)
{
    done(step);
}

/* ---- the table ---- */

static const struct row *find_row(const struct client *client, mono_t now,
                                  enum client_event_kind event)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].from == client->state && rows[i].event == event &&
            (rows[i].guard == NULL || rows[i].guard(client, now)))
            return &rows[i];
    return NULL;
}

/* fire - the one place that moves the state. */
static void fire(struct step *step, enum client_event_kind event)
{
    const struct row *row = find_row(step->client, step->now, event);
    enum client_state from = step->client->state;
    struct client_action *note;

    assert(row != NULL);
    if (row->ignore)
        return;
    row->action(step);
    step->client->state = row->to;
    if (from == row->to)
        return;
    note = act(step, CLIENT_NOTE);
    note->from = from;
    note->to = row->to;
    note->why = row->why;
}

void client_init(struct client *client, const struct client_conf *conf, uint64_t seed, mono_t now)
{
    assert(conf->site_count >= 1 && conf->site_count <= CLIENT_SITES_MAX);
    assert(conf->later_min_ms > 0 && conf->later_min_ms <= conf->later_max_ms);
    memset(client, 0, sizeof(*client));
    client->conf = *conf;
    prng_init(&client->prng, seed);
    client->state = CLIENT_WAITING;
    client->due = now;
    client->lost_since = client->later_since = MONO_NEVER;
}

void client_step(struct client *client, mono_t now, enum client_event_kind event, bool again_,
                 struct client_out *ret_out)
{
    struct step step = {.client = client, .now = now, .out = ret_out};

    ret_out->count = 0;
    if (event == CLIENT_EV_ENDED)
        client->again = again_;
    /* Time first, unless the event says that the site was heard: what waited in the socket while
     * this process stood still is no sign of silence. */
    if (event == CLIENT_EV_DUE) {
        if (mono_due(client->due, now))
            fire(&step, CLIENT_EV_DUE);
    } else {
        fire(&step, event);
    }
    assert(client_sane(client));
}

mono_t client_deadline(const struct client *client)
{
    return client->due;
}

bool client_sane(const struct client *client)
{
    bool waits = client->state != CLIENT_STOPPED;

    return client->site < client->conf.site_count && waits == !mono_is_never(client->due);
}

const char *client_state_name(enum client_state state)
{
    static const char *const names[] = {
#define STATE(name, meaning) #name,
#include "desktop/core/client.tbl.h"
    };

    return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}
