/* The core's messages over the wire and back, through the codec. */
#include "hamgr/adapt/wire.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS 5

/* M as bytes and back.  Returns what wire_in says. */
static int round_trip(const struct ham_msg *m, struct ham_msg *ret)
{
    Sf__Envelope head = SF__ENVELOPE__INIT;
    Sf__HostReport report = SF__HOST_REPORT__INIT;
    struct codec_message *message;
    struct codec_error error;
    struct wire w;
    uint8_t *data;
    size_t size;
    int r;

    head.cluster = head.host = (char *)"x";
    head.process = PROCESS_HAMGR;
    head.sequence = 1;
    head.boot_id = 1;
    wire_out(m, HOSTS, &report, &w);
    cr_assert_eq(codec_encode(&head, w.type, w.body, &data, &size, &error), 0, "%s", error.field);
    cr_assert_eq(codec_decode(data, size, ENDPOINT_LEASE, CODEC_UP, &message, &error), 0, "%s",
                 error.field);
    memset(ret, 0, sizeof(*ret));
    r = wire_in(message, m->from, HOSTS, ret);
    codec_free(&message);
    free(data);
    return r;
}

Test(wire, a_request_keeps_every_field)
{
    struct ham_msg m = {.type = HAM_MSG_ASK, .from = 2, .right = RIGHT_TICKET}, back;

    m.ask = (struct ham_ask){.epoch = 7,
                             .seq = 1ull << 40,
                             .released = 6,
                             .pos = {3, 4, 5},
                             .copy = {6, 11},
                             .solo = {7, 1ull << 34},
                             .solo_turn = 3,
                             .ttl_ms = 900,
                             .kind = ASK_GRANT,
                             .holder = 1};
    cr_assert_eq(round_trip(&m, &back), 0);
    cr_assert_eq(back.right, RIGHT_TICKET);
    cr_assert_eq(back.from, 2);
    cr_assert_eq(memcmp(&back.ask.pos, &m.ask.pos, sizeof(m.ask.pos)), 0);
    cr_assert_eq(back.ask.epoch, 7);
    cr_assert_eq(back.ask.seq, 1ull << 40);
    cr_assert_eq(back.ask.released, 6);
    cr_assert_eq(back.ask.ttl_ms, 900);
    cr_assert_eq(back.ask.kind, ASK_GRANT);
    cr_assert_eq(back.ask.holder, 1);
    cr_assert_eq(back.ask.copy.epoch, 6);
    cr_assert_eq(back.ask.copy.sequence, 11);
    cr_assert_eq(back.ask.solo.epoch, 7);
    cr_assert_eq(back.ask.solo.sequence, 1ull << 34);
    cr_assert_eq(back.ask.solo_turn, 3);
}

Test(wire, a_reply_and_a_release_keep_every_field)
{
    struct ham_msg m = {.type = HAM_MSG_REPLY, .from = 4, .right = RIGHT_ROLE_1}, back;

    m.reply = (struct ham_reply){.seq = 9,
                                 .epoch = 8,
                                 .left_ms = 77,
                                 .kind = ASK_PROBE,
                                 .reason = REASON_HELD,
                                 .solo = {4, 12},
                                 .solo_turn = 9,
                                 .stale = true,
                                 .holder = HAM_NONE};
    cr_assert_eq(round_trip(&m, &back), 0);
    cr_assert_eq(back.reply.seq, 9);
    cr_assert_eq(back.reply.left_ms, 77);
    cr_assert_eq(back.reply.reason, REASON_HELD);
    cr_assert_eq(back.reply.holder, HAM_NONE);
    cr_assert(back.reply.stale);
    cr_assert_eq(back.reply.solo.epoch, 4);
    cr_assert_eq(back.reply.solo.sequence, 12);
    cr_assert_eq(back.reply.solo_turn, 9);
    m = (struct ham_msg){.type = HAM_MSG_RELEASE, .from = 0, .right = RIGHT_ROLE_0};
    m.release = (struct ham_release){.epoch = 12, .successor = 1, .automatic = true};
    cr_assert_eq(round_trip(&m, &back), 0);
    cr_assert_eq(back.release.epoch, 12);
    cr_assert_eq(back.release.successor, 1);
    cr_assert(back.release.automatic);
}

Test(wire, a_beat_keeps_votes_and_ages)
{
    struct ham_msg m = {.type = HAM_MSG_BEAT, .from = 3}, back;

    for (int i = 0; i < RIGHTS_MAX; i++)
        m.beat.votes[i] = (struct vote_record){.known = i > 0,
                                               .epoch = 10u + i,
                                               .floor = 20u + i,
                                               .solo = {7, 40u + i},
                                               .solo_turn = 5,
                                               .ttl_ms = 1000,
                                               .holder = (uint8_t)(i % 2)};
    for (int i = 0; i < HAM_HOSTS_MAX; i++)
        m.beat.age_ms[i] = i == 1 ? HAM_AGE_NEVER : (uint16_t)(i * 100);
    m.beat.role = ROLE_PRIMARY;
    m.beat.role_epoch = 5;
    m.beat.health = HEALTH_MENDING;
    m.beat.disk = DISK_SLOW;
    m.beat.ready = true;
    m.beat.copy = (struct ham_copy){5, 1ull << 33};
    cr_assert_eq(round_trip(&m, &back), 0);
    cr_assert_not(back.beat.votes[0].known);
    cr_assert_eq(back.beat.votes[2].floor, 22);
    cr_assert_eq(back.beat.votes[2].solo.epoch, 7);
    cr_assert_eq(back.beat.votes[2].solo.sequence, 42);
    cr_assert_eq(back.beat.votes[2].solo_turn, 5);
    cr_assert_eq(back.beat.age_ms[1], HAM_AGE_NEVER);
    cr_assert_eq(back.beat.age_ms[4], 400);
    cr_assert_eq(back.beat.health, HEALTH_MENDING);
    cr_assert_eq(back.beat.disk, DISK_SLOW);
    cr_assert_eq(back.beat.role, ROLE_PRIMARY);
    cr_assert(back.beat.ready);
    cr_assert_eq(back.beat.copy.epoch, 5);
    cr_assert_eq(back.beat.copy.sequence, 1ull << 33);
    cr_assert_not(back.beat.writer);
}

Test(wire, what_is_outside_its_limits_is_refused)
{
    struct ham_msg m = {.type = HAM_MSG_ASK, .from = 0, .right = RIGHT_ROLE_0}, back;

    m.ask = (struct ham_ask){
        .epoch = 1, .seq = 1, .ttl_ms = 1000, .kind = ASK_GRANT, .holder = HAM_HOSTS_MAX};
    cr_assert_eq(round_trip(&m, &back), -EBADMSG, "a holder that no deployment can have");
    m.ask.holder = 1;
    cr_assert_eq(round_trip(&m, &back), 0);
    m.right = RIGHTS_MAX;
    cr_assert_eq(round_trip(&m, &back), -EBADMSG, "a right that does not exist");
}
