/* The Stat Server's core: what is counted, who is believed, what a missing number does.
 * East is the own site (hosts east.1 = we, east.2), west the other (west.1, west.2). */
#include "statserver/core/stats.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOCAL, PAIR, WEST1, WEST2 };

static struct stat_core core;
static struct stat_out out;
static mono_t now;
static void *memory;

static void setup(void)
{
    struct stat_conf conf = {
        .site = "east",
        .source_count = 4,
        .sources = {{"east.1", "east"}, {"east.2", "east"}, {"west.1", "west"}, {"west.2", "west"}},
        .agents_max = 4,
        .queues_max = 2,
        .calls_max = 4,
        .silent_ms = 3000};

    now = (mono_t){1000 * MONO_NS_PER_MS};
    memory = calloc(1, stat_bytes(&conf));
    stat_init(&core, &conf, memory);
}

static void teardown(void)
{
    free(memory);
}

TestSuite(stats, .init = setup, .fini = teardown);

static void step(struct stat_event event)
{
    stat_step(&core, now, &event, &out);
}

static bool did(enum stat_action_kind kind, uint32_t source)
{
    for (uint32_t i = 0; i < out.count; i++)
        if (out.actions[i].kind == kind && out.actions[i].source == source)
            return true;
    return false;
}

static void batch(uint32_t source, bool primary, uint64_t epoch, bool snapshot, uint64_t before,
                  uint64_t last)
{
    step((struct stat_event){.kind = STAT_EV_BATCH,
                             .source = source,
                             .primary = primary,
                             .epoch = epoch,
                             .snapshot = snapshot,
                             .before = before,
                             .last = last});
}

static void end(uint32_t source)
{
    step((struct stat_event){.kind = STAT_EV_BATCH_END, .source = source});
}

static void say_agent(uint32_t source, const char *agent, enum stat_state state, uint64_t calls)
{
    struct stat_agent a = {.state = state, .calls = calls};

    strcpy(a.agent, agent);
    step((struct stat_event){.kind = STAT_EV_AGENT, .source = source, .agent = &a});
}

static void say_queue(uint32_t source, const char *queue, uint32_t waiting, uint64_t entered)
{
    struct stat_queue q = {.waiting = waiting, .entered = entered};

    strcpy(q.queue, queue);
    step((struct stat_event){.kind = STAT_EV_QUEUE, .source = source, .queue = &q});
}

static void say_call(const char *call, enum stat_phase phase, const char *queue, const char *agent,
                     int64_t wait_ms, int64_t talk_ms)
{
    struct stat_call c = {.phase = phase, .wait_ms = wait_ms, .talk_ms = talk_ms};

    strcpy(c.call, call);
    strcpy(c.queue, queue);
    strcpy(c.agent, agent);
    step((struct stat_event){.kind = STAT_EV_CALL, .source = LOCAL, .call = &c});
}

/* one_call - a batch of its own, numbered right. */
static void one_call(const char *call, enum stat_phase phase, const char *queue, const char *agent,
                     int64_t wait_ms, int64_t talk_ms)
{
    uint64_t sequence = core.sources[LOCAL].sequence;

    batch(LOCAL, true, 1, false, sequence, sequence + 1);
    say_call(call, phase, queue, agent, wait_ms, talk_ms);
    end(LOCAL);
}

static void become_primary(void)
{
    step((struct stat_event){.kind = STAT_EV_ROLE, .primary = true});
    step((struct stat_event){.kind = STAT_EV_UP, .source = LOCAL});
    batch(LOCAL, true, 1, true, 0, 10);
    say_agent(LOCAL, "ann", STAT_READY, 0);
    say_queue(LOCAL, "sales", 0, 0);
    end(LOCAL);
}

static const struct stat_agent *agent(const char *site, const char *id)
{
    for (const struct stat_agent_row *r = NULL; (r = stat_agent_next(&core, r)) != NULL;)
        if (strcmp(r->data.site, site) == 0 && strcmp(r->data.agent, id) == 0)
            return &r->data;
    return NULL;
}

static const struct stat_queue *queue(const char *site, const char *id)
{
    for (const struct stat_queue_row *r = NULL; (r = stat_queue_next(&core, r)) != NULL;)
        if (strcmp(r->data.site, site) == 0 && strcmp(r->data.queue, id) == 0)
            return &r->data;
    return NULL;
}

static const struct stat_site *site(const char *name)
{
    for (const struct stat_site_row *r = NULL; (r = stat_site_next(&core, r)) != NULL;)
        if (strcmp(r->data.site, name) == 0)
            return &r->data;
    return NULL;
}

Test(stats, nothing_is_monitored_at_the_start)
{
    cr_assert_not(site("east")->monitored);
    cr_assert_not(site("west")->monitored);
    cr_assert(mono_is_never(stat_deadline(&core)));
}

Test(stats, a_primary_asks_its_sip_server_and_shows_the_snapshot)
{
    step((struct stat_event){.kind = STAT_EV_UP, .source = LOCAL});
    cr_assert_not(did(STAT_ACT_SUBSCRIBE, LOCAL), "a backup has nothing to ask");
    step((struct stat_event){.kind = STAT_EV_ROLE, .primary = true});
    cr_assert(did(STAT_ACT_SUBSCRIBE, LOCAL));
    batch(LOCAL, true, 1, true, 0, 10);
    say_agent(LOCAL, "ann", STAT_READY, 0);
    cr_assert_not(site("east")->monitored, "only a whole snapshot counts");
    end(LOCAL);
    cr_assert(did(STAT_NOTE_JOINED, LOCAL));
    cr_assert(site("east")->monitored);
    cr_assert_str_eq(site("east")->host, "east.1");
    cr_assert_eq(agent("east", "ann")->state, STAT_READY);
}

Test(stats, an_answered_call_is_counted_once_in_queue_agent_and_site)
{
    become_primary();
    one_call("c1", STAT_STARTED, "", "", 0, 0);
    one_call("c1", STAT_QUEUED, "sales", "", 0, 0);
    one_call("c1", STAT_OFFERED, "sales", "ann", 0, 0);
    one_call("c1", STAT_QUEUED, "sales", "", 0, 0); /* ann did not answer: back at the head */
    one_call("c1", STAT_ANSWERED, "sales", "ann", 4200, 0);
    one_call("c1", STAT_ANSWERED, "sales", "ann", 4200, 0); /* told twice */
    one_call("c1", STAT_RELEASED, "sales", "ann", 0, 60000);
    cr_assert_eq(queue("east", "sales")->entered, 1);
    cr_assert_eq(queue("east", "sales")->answered, 1);
    cr_assert_eq(queue("east", "sales")->abandoned, 0);
    cr_assert_eq(queue("east", "sales")->wait_sum_ms, 4200);
    cr_assert_eq(queue("east", "sales")->wait_max_ms, 4200);
    cr_assert_eq(agent("east", "ann")->calls, 1);
    cr_assert_eq(agent("east", "ann")->talk_ms, 60000);
    cr_assert_eq(site("east")->started, 1);
    cr_assert_eq(site("east")->answered, 1);
    cr_assert_eq(site("east")->released, 1);
    cr_assert_eq(core.calls.used, 0, "an ended call leaves nothing behind");
}

Test(stats, an_abandoned_call_and_a_failed_and_a_forwarded_one)
{
    become_primary();
    one_call("c1", STAT_QUEUED, "sales", "", 0, 0);
    one_call("c1", STAT_ABANDONED, "sales", "", 9000, 0);
    one_call("c2", STAT_FAILED, "", "", 0, 0);
    one_call("c3", STAT_FORWARDED, "", "", 0, 0);
    cr_assert_eq(queue("east", "sales")->abandoned, 1);
    cr_assert_eq(queue("east", "sales")->wait_max_ms, 0, "waits are those of answered calls");
    cr_assert_eq(site("east")->abandoned, 1);
    cr_assert_eq(site("east")->failed, 1);
    cr_assert_eq(site("east")->forwarded, 1);
}

Test(stats, an_overflowed_call_is_counted_in_the_queue_that_it_left_and_answered_where_it_went)
{
    become_primary();
    one_call("c1", STAT_QUEUED, "sales", "", 0, 0);
    one_call("c1", STAT_OVERFLOWED, "sales", "", 30000, 0);
    one_call("c1", STAT_QUEUED, "spill", "", 30000, 0);
    one_call("c1", STAT_OVERFLOWED, "spill", "", 60000, 0);
    one_call("c1", STAT_QUEUED, "spill", "", 60000, 0); /* the place was busy: back again */
    one_call("c1", STAT_ANSWERED, "spill", "ann", 61000, 0);
    cr_assert_eq(queue("east", "sales")->entered, 1);
    cr_assert_eq(queue("east", "sales")->overflowed, 1);
    cr_assert_eq(queue("east", "sales")->answered, 0);
    cr_assert_eq(queue("east", "spill")->entered, 2);
    cr_assert_eq(queue("east", "spill")->overflowed, 1);
    cr_assert_eq(queue("east", "spill")->answered, 1);
}

Test(stats, a_state_event_keeps_the_counts)
{
    become_primary();
    one_call("c1", STAT_ANSWERED, "sales", "ann", 10, 0);
    batch(LOCAL, true, 1, false, core.sources[LOCAL].sequence, core.sources[LOCAL].sequence + 2);
    say_agent(LOCAL, "ann", STAT_BUSY, 0);
    say_queue(LOCAL, "sales", 3, 0);
    end(LOCAL);
    cr_assert_eq(agent("east", "ann")->state, STAT_BUSY);
    cr_assert_eq(agent("east", "ann")->calls, 1);
    cr_assert_eq(queue("east", "sales")->waiting, 3);
    cr_assert_eq(queue("east", "sales")->answered, 1);
}

Test(stats, a_missing_number_asks_for_a_snapshot_and_believes_nothing_until_it_comes)
{
    become_primary();
    batch(LOCAL, true, 1, false, 11, 12); /* 11 is missing */
    cr_assert(did(STAT_NOTE_GAP, LOCAL));
    cr_assert(did(STAT_ACT_SUBSCRIBE, LOCAL));
    say_agent(LOCAL, "ann", STAT_BUSY, 0);
    end(LOCAL);
    cr_assert_eq(agent("east", "ann")->state, STAT_READY);
    batch(LOCAL, true, 1, false, 12, 13); /* still on its way */
    cr_assert_not(did(STAT_ACT_SUBSCRIBE, LOCAL), "one question is enough");
    end(LOCAL);
    batch(LOCAL, true, 1, true, 0, 13);
    say_agent(LOCAL, "bob", STAT_NOT_READY, 0);
    end(LOCAL);
    cr_assert_eq(core.gaps, 1);
    cr_assert_eq(agent("east", "ann")->state, STAT_LOGGED_OUT, "the snapshot does not name ann");
    cr_assert_eq(agent("east", "bob")->state, STAT_NOT_READY);
    batch(LOCAL, true, 1, false, 13, 14);
    say_agent(LOCAL, "ann", STAT_READY, 0);
    end(LOCAL);
    cr_assert_eq(agent("east", "ann")->state, STAT_READY);
}

Test(stats, a_snapshot_in_parts_is_one_snapshot)
{
    become_primary();
    step((struct stat_event){.kind = STAT_EV_UP, .source = LOCAL}); /* the SIP server restarted */
    cr_assert(did(STAT_ACT_SUBSCRIBE, LOCAL));
    step((struct stat_event){.kind = STAT_EV_BATCH,
                             .source = LOCAL,
                             .primary = true,
                             .epoch = 1,
                             .snapshot = true,
                             .more = true,
                             .last = 3});
    say_agent(LOCAL, "bob", STAT_READY, 0);
    end(LOCAL);
    cr_assert_eq(agent("east", "ann")->state, STAT_READY, "not judged before the last part");
    batch(LOCAL, true, 1, true, 0, 4);
    say_agent(LOCAL, "cid", STAT_READY, 0);
    end(LOCAL);
    cr_assert_eq(agent("east", "ann")->state, STAT_LOGGED_OUT);
    cr_assert_eq(agent("east", "bob")->state, STAT_READY);
    cr_assert_eq(agent("east", "cid")->state, STAT_READY);
}

Test(stats, without_its_sip_server_a_site_is_not_monitored)
{
    become_primary();
    step((struct stat_event){.kind = STAT_EV_DOWN, .source = LOCAL});
    cr_assert(did(STAT_NOTE_LOST, LOCAL));
    cr_assert_not(site("east")->monitored);
    cr_assert_not(agent("east", "ann")->monitored);
    cr_assert_not(queue("east", "sales")->monitored);
    cr_assert_eq(agent("east", "ann")->state, STAT_READY, "the last known state stays, marked");
}

Test(stats, the_other_site_comes_from_its_primary_only)
{
    step((struct stat_event){.kind = STAT_EV_UP, .source = WEST1});
    cr_assert(did(STAT_ACT_SUBSCRIBE, WEST1));
    step((struct stat_event){.kind = STAT_EV_UP, .source = WEST2});
    batch(WEST2, false, 0, true, 0, 1); /* the backup's view is not asked */
    say_agent(WEST2, "wil", STAT_READY, 7);
    end(WEST2);
    cr_assert_null(agent("west", "wil"));
    batch(WEST1, true, 3, true, 0, 1);
    say_agent(WEST1, "wil", STAT_BUSY, 5);
    end(WEST1);
    cr_assert(site("west")->monitored);
    cr_assert_eq(agent("west", "wil")->calls, 5, "a statserver's counts are taken as they are");
    batch(WEST2, true, 4, true, 0, 1); /* the pair has switched over: the higher epoch */
    say_agent(WEST2, "wil", STAT_READY, 6);
    end(WEST2);
    cr_assert_eq(agent("west", "wil")->calls, 6);
    cr_assert_str_eq(site("west")->host, "west.2");
    batch(WEST1, true, 3, false, 1, 2); /* the old primary goes on talking */
    say_agent(WEST1, "wil", STAT_LOGGED_OUT, 5);
    end(WEST1);
    cr_assert_eq(agent("west", "wil")->state, STAT_READY);
}

Test(stats, a_silent_site_is_not_monitored_after_silent_ms_and_comes_back)
{
    step((struct stat_event){.kind = STAT_EV_UP, .source = WEST1});
    batch(WEST1, true, 3, true, 0, 1);
    say_agent(WEST1, "wil", STAT_READY, 5);
    end(WEST1);
    cr_assert_eq(stat_deadline(&core).ns, mono_add_ms(now, 3000).ns);
    now = mono_add_ms(now, 2999);
    step((struct stat_event){.kind = STAT_EV_TICK});
    cr_assert(site("west")->monitored);
    now = mono_add_ms(now, 1);
    step((struct stat_event){.kind = STAT_EV_TICK});
    cr_assert(did(STAT_NOTE_LOST, WEST1));
    cr_assert_not(agent("west", "wil")->monitored);
    batch(WEST1, true, 3, false, 1, 1); /* heard again: a snapshot first */
    cr_assert(did(STAT_ACT_SUBSCRIBE, WEST1));
    end(WEST1);
    cr_assert_not(site("west")->monitored);
    batch(WEST1, true, 3, true, 0, 1);
    say_agent(WEST1, "wil", STAT_READY, 5);
    end(WEST1);
    cr_assert(agent("west", "wil")->monitored);
}

Test(stats, counts_go_on_when_the_role_comes_here)
{
    step((struct stat_event){.kind = STAT_EV_UP, .source = LOCAL});
    step((struct stat_event){.kind = STAT_EV_UP, .source = PAIR});
    batch(PAIR, true, 1, true, 0, 2); /* we are backup: east comes from the pair's primary */
    say_agent(PAIR, "ann", STAT_READY, 41);
    say_queue(PAIR, "sales", 1, 100);
    end(PAIR);
    cr_assert_eq(queue("east", "sales")->entered, 100);
    step((struct stat_event){.kind = STAT_EV_DOWN, .source = PAIR});
    cr_assert_not(site("east")->monitored);
    step((struct stat_event){.kind = STAT_EV_ROLE, .primary = true});
    batch(LOCAL, true, 2, true, 0, 0);
    say_agent(LOCAL, "ann", STAT_READY, 0);
    say_queue(LOCAL, "sales", 1, 0);
    end(LOCAL);
    one_call("c1", STAT_QUEUED, "sales", "", 0, 0);
    one_call("c1", STAT_ANSWERED, "sales", "ann", 5, 0);
    cr_assert_eq(queue("east", "sales")->entered, 101);
    cr_assert_eq(agent("east", "ann")->calls, 42);
    batch(PAIR, true, 1, true, 0, 2); /* a deposed primary that does not know it yet */
    end(PAIR);
    cr_assert_str_eq(site("east")->host, "east.1");
}

Test(stats, a_full_table_refuses_and_counts)
{
    become_primary(); /* ann, sales */
    batch(LOCAL, true, 1, false, 10, 15);
    say_agent(LOCAL, "b", STAT_READY, 0);
    say_agent(LOCAL, "c", STAT_READY, 0);
    say_agent(LOCAL, "d", STAT_READY, 0);
    say_agent(LOCAL, "e", STAT_READY, 0);
    end(LOCAL);
    cr_assert_null(agent("east", "e"));
    cr_assert_eq(core.refused, 1);
    for (int i = 0; i < 6; i++) {
        char id[16];
        snprintf(id, sizeof(id), "c%d", i);
        one_call(id, STAT_QUEUED, "sales", "", 0, 0);
    }
    cr_assert_eq(core.refused, 3);
    cr_assert_eq(queue("east", "sales")->entered, 6,
                 "what cannot be remembered is counted all the same");
}

Test(stats, every_change_is_numbered)
{
    become_primary();
    uint64_t before = core.change;
    one_call("c1", STAT_QUEUED, "sales", "", 0, 0);
    cr_assert_gt(core.change, before);
    unsigned changed = 0;
    for (const struct stat_queue_row *r = NULL; (r = stat_queue_next(&core, r)) != NULL;)
        changed += r->change > before;
    cr_assert_eq(changed, 1);
}
