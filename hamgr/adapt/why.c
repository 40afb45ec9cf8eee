/* why - `hamgr why`: the present of this host in sentences, with what the operator's verbs would be
 * answered. */
#include "hamgr/adapt/daemon.h"

#include "hamgr/adapt/history.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EVENTS_SHOWN 8
#define LINE_SIZE    512

struct story {
    const struct daemon *d;
    mono_t now;
    json_t *lines;
    json_t *events; /* the last of roles and tickets, oldest first */
};

static void say(struct story *s, const char *form, ...) __attribute__((format(printf, 2, 3)));

static void say(struct story *s, const char *form, ...)
{
    char line[LINE_SIZE];
    va_list args;

    va_start(args, form);
    (void)vsnprintf(line, sizeof(line), form, args);
    va_end(args);
    json_array_append_new(s->lines, json_string(line));
}

static const char *host_name(const struct daemon *d, uint8_t host)
{
    return host < d->bootstrap.host_count ? d->bootstrap.hosts[host].name : "nobody";
}

static void tell_idle(struct story *s, const char *self, const char *site)
{
    const struct ham *h = &s->d->ham;
    mono_t until = vote_held_until(&h->vote[h->site], h->conf.self);

    if (mono_before(s->now, until))
        say(s, "%s is backup of %s: its vote is promised to %s for another %lld ms", self, site,
            host_name(s->d, h->vote[h->site].record.holder),
            (long long)mono_diff_ms(until, s->now));
    else if (!h->role.may_take)
        say(s, "%s is backup of %s and may not take the role now", self, site);
    else
        say(s, "%s is backup of %s; the role looks free, and is asked for in %lld ms", self, site,
            (long long)mono_diff_ms(h->role.wake, s->now));
    if (h->role.last_reason != REASON_DONE && h->role.last_reason != REASON_GRANTED)
        say(s, "the last attempt to take it was refused: %s",
            ham_reason_text((enum ham_reason)h->role.last_reason));
}

static void tell_role(struct story *s)
{
    const struct daemon *d = s->d;
    const struct ham *h = &d->ham;
    const char *self = bootstrap_self(&d->bootstrap)->name;
    const char *site = bootstrap_self_site(&d->bootstrap)->name;

    switch ((enum lease_state)h->role.state) {
    case LEASE_HOLDING:
        say(s, "%s is the primary of %s in epoch %llu, for %lld ms more unless it is renewed", self,
            site, (unsigned long long)h->role.epoch,
            (long long)mono_diff_ms(h->role.deadline, s->now));
        break;
    case LEASE_YIELDING:
        say(s, "%s hands the role of %s over: its output is being stopped", self, site);
        break;
    case LEASE_PROBING:
    case LEASE_ASKING: say(s, "%s is asking for the role of %s", self, site); break;
    case LEASE_IDLE:
    case LEASE_STATES: tell_idle(s, self, site); break;
    }
    if (h->paused)
        say(s, "it is paused: it takes and gives no role by itself, until `hamgr resume`");
    if (h->stopping)
        say(s, "it is being stopped, and takes nothing any more");
    if (h->resort.state != RESORT_OFF)
        say(s, "neither the other host nor the witness is heard; last resort: %s",
            resort_serves(&h->resort)           ? "it serves with no majority behind it (ALARM), "
                                                  "until one grants the role or another host has it"
            : h->resort.state == RESORT_WAITING ? "it waits until the old lease has run out twice "
                                                  "over"
                                                : "it asks the reference addresses and the site "
                                                  "address");
    if (d->probed[0] != '\0')
        say(s, "its last probes: %s", d->probed);
    uint8_t borrowed = vote_borrowed(&h->vote[h->site]);
    if (vote_lent(&h->vote[h->site]))
        say(s,
            "its vote is lent to %s since it was stopped: it takes no role until that has given "
            "it back",
            host_name(d, h->peer));
    if (borrowed != HAM_NONE)
        say(s, "%s was stopped in good order and has lent it its vote: no other vote is needed",
            host_name(d, borrowed));
    if (mono_before(s->now, h->tilt_until))
        say(s, "its clock jumped, or it stood still: it takes no new right for %lld ms",
            (long long)mono_diff_ms(h->tilt_until, s->now));
}

static void tell_health(struct story *s)
{
    static const char *const words[] = {"good", "mending", "bad"};
    const struct ham *h = &s->d->ham;

    say(s, "its health is %s", words[ham_health(h, s->now) % 3]);
    for (int i = 0; i < h->conf.components; i++)
        if (h->component[i].state != SUPERVISE_READY)
            say(s, "%s is %s", process_name(s->d->components[i].process),
                ham_state_name(MACHINE_SUPERVISE, h->component[i].state));
    if (h->disk > DISK_GOOD) {
        char why[256];

        disks_why(s->d, why, sizeof(why));
        say(s,
            "its disk is %s for %lld ms: %s; as primary it hands the role to the other host after "
            "%u ms, if that has all calls and its disk is good",
            disk_grade_name((enum disk_grade)h->disk),
            (long long)mono_diff_ms(s->now, h->disk_since), why, h->conf.disk_patience_ms);
    }
    if (h->address_fails > 0)
        say(s, "the site address could not be set %u times in a row", h->address_fails);
}

static void tell_copies(struct story *s)
{
    const struct ham *h = &s->d->ham;
    char text[LINE_SIZE];

    if (h->order.stale)
        say(s, "it was promoted stale: what came from batch %llu of epoch %llu on is lost",
            (unsigned long long)h->order.lacks.sequence, (unsigned long long)h->order.lacks.epoch);
    if (h->order.solo.sequence != 0)
        say(s, "it is solo: its backup lacks what came from batch %llu of epoch %llu on",
            (unsigned long long)h->order.solo.sequence, (unsigned long long)h->order.solo.epoch);
    else if (h->solo.sequence != 0)
        say(s, "its sipserver waits for the right to go on without its backup: too few voters have "
               "that on record");
    if (ham_moves(h, s->now) > 0)
        say(s, "the role has moved by itself %u times of late; %u is the most",
            ham_moves(h, s->now), h->conf.antiflap_moves);
    view_reason(s->d, ham_predict(h, VERB_SWITCHOVER, s->now), text, sizeof(text));
    say(s, "`switchover` would be answered: %s", text);
}

static void tell_ticket(struct story *s)
{
    const struct daemon *d = s->d;
    const struct ham *h = &d->ham;
    char text[LINE_SIZE];

    if (h->order.writer)
        say(s, "it writes the configuration, in ticket epoch %llu",
            (unsigned long long)h->order.ticket_epoch);
    else if (h->ticket_site < d->bootstrap.site_count)
        say(s, "site %s was last seen to write the configuration",
            d->bootstrap.sites[h->ticket_site].name);
    else
        say(s, "no site has been seen to write the configuration");
    say(s, "`site promote` would be answered: %s",
        ham_reason_text(ham_predict(h, VERB_PROMOTE, s->now)));
    if (h->judges) {
        view_evidence(d, text, sizeof(text));
        say(s, "the other site is judged %s: %s", view_judgement(d), text);
    }
}

static void keep_last(void *arg, const json_t *event)
{
    struct story *s = arg;
    const char *machine = json_string_value(json_object_get(event, "machine"));
    char text[LINE_SIZE];

    if (machine == NULL || strcmp(machine, ham_machine_name(MACHINE_LEASE)) != 0)
        return;
    control_event_text(event, text, sizeof(text));
    json_array_append_new(s->events, json_string(text));
    if (json_array_size(s->events) > EVENTS_SHOWN)
        json_array_remove(s->events, 0);
}

static size_t add(char *text, size_t size, size_t n, const char *indent, const json_t *list)
{
    const json_t *line;
    size_t i;

    json_array_foreach(list, i, line)
    {
        int k =
            n < size ? snprintf(text + n, size - n, "%s%s\n", indent, json_string_value(line)) : 0;

        n += k > 0 ? (size_t)k : 0;
    }
    return n;
}

json_t *why_story(const struct daemon *d, char *text, size_t size)
{
    struct story s = {d, loop_now_exact(), json_array(), json_array()};
    size_t n;

    if (d->ham.is_arbiter) {
        say(&s, "this is the arbiter: it votes, and tells whom it hears");
    } else {
        tell_role(&s);
        tell_health(&s);
        tell_copies(&s);
        tell_ticket(&s);
    }
    history_since(d->history, 0, keep_last, &s);
    text[0] = '\0';
    n = add(text, size, 0, "", s.lines);
    if (json_array_size(s.events) > 0 && n < size)
        n += (size_t)snprintf(text + n, size - n, "\nlast of roles and tickets:\n");
    n = add(text, size, n, "  ", s.events);
    if (n > 0 && n < size)
        text[n - 1] = '\0'; /* the last line's end is the printer's */
    return json_pack("{s:o,s:o}", "why", s.lines, "events", s.events);
}
