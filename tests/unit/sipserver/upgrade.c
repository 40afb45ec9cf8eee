/* Two adjacent versions work as a pair: a copy that version 1 made is taken over whole by this one.
 *
 * replica-1.hex is that copy: two phones, one of which talks to a gateway; a call that waits in the
 * queue; an agent who rests.  states-1.txt has the states as version 1 numbers them.  A release
 * that is to be upgraded host by host freezes its own beside them (UPGRADE_WRITE=FOLDER in the
 * environment of this test writes both).
 */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sipserver/core/replica.h"
#include "sipserver/core/state.h"
#include "sipserver/sip/transaction.h"

#define ROOM (SC_REPLICA_OBJECT_MAX * 8)

static char bytes[ROOM];
static size_t bytes_n;

static FILE *open_in(const char *folder, const char *name, const char *how)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, how);
    cr_assert_not_null(f, "%s", path);
    return f;
}

/* ---- the copy ---- */

/* What version 1 had when it was frozen. */
static void write_copy(const char *folder)
{
    struct kit *k = kit_house(NULL);
    struct ua gw = ua_at(k, "10.0.1.1", 5060, "gw"), caller = ua_at(k, "10.0.1.1", 5060, "gw"),
              phone[2];
    struct sc_replica_buf b = {bytes, ROOM, 0, 0};
    FILE *to = open_in(folder, "replica-1.hex", "w");

    phones_register(k, phone, 101, 2);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_NOT_READY), 0);
    ua_invite(&gw, "102", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, SDP_B);
    ua_expect(&gw, 200);
    ua_ack(&gw, NULL);
    ua_invite(&caller, "5000", SDP_A);
    sc_replica_follow(k->sc, true);
    cr_assert(sc_replica_slice(k->sc, &b, UINT32_MAX));
    for (size_t i = 0; i < b.len; i++)
        fprintf(to, "%02x%s", (unsigned char)b.p[i], i % 40 == 39 || i + 1 == b.len ? "\n" : "");
    cr_assert_eq(fclose(to), 0);
    kit_free(k);
}

static void read_copy(const char *name)
{
    FILE *from = open_in(FROZEN_DIR, name, "r");
    unsigned byte;

    bytes_n = 0;
    while (fscanf(from, "%2x", &byte) == 1) {
        cr_assert_lt(bytes_n, ROOM);
        bytes[bytes_n++] = (char)byte;
    }
    fclose(from);
    cr_assert_gt(bytes_n, 1000);
}

static void load(struct kit *k)
{
    struct sc_event role = {.kind = SC_EV_ROLE, .primary = false, .epoch = 1, .wall_ms = 1};

    kit_serve(k); /* the configuration; the role goes again */
    kit_step(k, &role);
    kit_join(k);
}

Test(upgrade, a_copy_of_version_1_is_taken_over_whole)
{
    struct kit *k = kit_new(NULL);
    struct sc_replica_status s;
    struct sc_record r;
    uint32_t cursor = 0;
    unsigned answered = 0, queued = 0;

    if (getenv("UPGRADE_WRITE") != NULL)
        write_copy(getenv("UPGRADE_WRITE"));
    read_copy("replica-1.hex");
    load(k);
    cr_assert_eq(sc_replica_apply(k->sc, bytes, bytes_n), 0);
    sc_replica_status(k->sc, &s);
    cr_assert_eq(s.unknown, 0);
    kit_role(k, true, 2);
    cr_assert_eq(kit_counter(k, "replica_lost"), 0);
    cr_assert_eq(kit_status(k).calls, 2);
    cr_assert_eq(kit_status(k).registrations, 2);
    cr_assert_eq(kit_status(k).agents, 1);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NOT_READY);
    cr_assert(kit_dn_in(k, "101"));
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    while (sc_next_call(k->sc, &cursor, &r)) {
        answered += strcmp(r.called, "102") == 0 && r.answer_ms != 0;
        queued += strcmp(r.queue, "5000") == 0 && r.answer_ms == 0;
    }
    cr_assert_eq(answered, 1);
    cr_assert_eq(queued, 1);
    kit_run(k, 1000);
    cr_assert_eq(kit_status(k).calls, 2);
    kit_free(k);
}

/* ---- the states ---- */

#define LINES_MAX 256
#define LINE_SIZE 80

static char lines[LINES_MAX][LINE_SIZE];
static unsigned lines_n;

static void say(const char *machine, unsigned number, const char *state)
{
    cr_assert_lt(lines_n, LINES_MAX);
    snprintf(lines[lines_n++], LINE_SIZE, "%s %u %s", machine, number, state);
}

static void say_everything(void)
{
    static const struct fsm *const machines[] = {&agent_fsm,   &peering_fsm,  &trunk_fsm,
                                                 &call_fsm,    &session_fsm,  &transfer_fsm,
                                                 &music_fsm,   &control_fsm};

    for (unsigned m = 0; m < sizeof(machines) / sizeof(machines[0]); m++)
        for (unsigned i = 0; i < machines[m]->states_n; i++)
            say(machines[m]->name, i, machines[m]->states[i]);
    for (unsigned i = 0; i < TXN_STATES; i++)
        say("transaction", i, txn_state_name((enum txn_state)i));
    for (unsigned i = 0; i < TXN_MACHINES; i++)
        say("transaction machine", i, txn_machine_name((enum txn_machine)i));
    for (unsigned i = 0; i < SIP_METHODS; i++)
        say("method", i, sip_method_name((enum sip_method)i));
#define KIND(number, name, pool, message, table) say("kind", number, #name);
#define NAMED(number, name, message)             say("kind", number, #name);
#include "sipserver/core/replica_kinds.tbl.h"
}

Test(upgrade, states_are_numbered_as_before)
{
    char text[LINE_SIZE];
    unsigned n = 0;
    FILE *from;

    say_everything();
    if (getenv("UPGRADE_WRITE") != NULL) {
        FILE *to = open_in(getenv("UPGRADE_WRITE"), "states-1.txt", "w");

        for (unsigned i = 0; i < lines_n; i++)
            fprintf(to, "%s\n", lines[i]);
        cr_assert_eq(fclose(to), 0);
    }
    from = open_in(FROZEN_DIR, "states-1.txt", "r");
    for (; fgets(text, sizeof(text), from) != NULL; n++) {
        bool found = false;

        text[strcspn(text, "\n")] = '\0';
        for (unsigned i = 0; i < lines_n; i++)
            found |= strcmp(lines[i], text) == 0;
        cr_assert(found, "no longer so: %s", text);
    }
    cr_assert_gt(n, 50);
    fclose(from);
}
