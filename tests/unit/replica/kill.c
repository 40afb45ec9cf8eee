/* The primary dies at every place between receiving and sending, of every message of a call: the
 * call goes through, its parties notice nothing but repetitions, and there is one record (H-7, I3).
 */
#include "kit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define ALL 40 /* passages of a point in one call, at most */

static bool died(void)
{
    struct house *h = &houses[EAST1];

    if (h->pid <= 0 || waitpid(h->pid, NULL, WNOHANG) == 0)
        return false;
    h->pid = 0;
    h->component = NULL;
    order(EAST2, true, 6);
    return true;
}

static bool both_ready(void)
{
    return houses[EAST1].report.replica_state == SF__REPLICA_STATE__REPLICA_READY &&
           houses[EAST2].report.replica_state == SF__REPLICA_STATE__REPLICA_READY;
}

/* What the parties do until they hear what they wait for. */
static void repeat(bool invited, bool answered, bool over)
{
    if (!invited)
        gateway_invite("a", "7001");
    if (far_got("INVITE ") && !far_got("ACK "))
        far_answer("INVITE ", "200 OK");
    if (invited && !answered)
        gateway_ack("a", "7001", 200);
    if (answered && !over)
        gateway_bye("a", "7001");
    if (far_got("BYE "))
        far_answer("BYE ", "200 OK");
}

/* One call.  Returns: whether the primary died in it. */
static bool call_through(const char *point, unsigned n)
{
    mono_t limit, rest = MONO_ZERO;
    char what[64], outcome[64];
    bool dead = false, over = false;

    snprintf(what, sizeof(what), "%s:%u", point, n);
    kit_program = SIPSERVER_KILLABLE;
    kit_kill_point = what;
    kit_start(EAST1);
    kit_kill_point = NULL;
    kit_start(EAST2);
    order(EAST2, false, 5);
    order(EAST1, true, 5);
    until(both_ready());
    cr_assert_eq(kill(houses[EAST1].pid, SIGUSR1), 0);
    limit = mono_add_ms(loop_now_exact(), 15000);
    while (!over || houses[dead ? EAST2 : EAST1].report.calls != 0 ||
           mono_before(loop_now_exact(), rest)) {
        if (!dead && (dead = died()))
            until(houses[EAST2].report.role == SF__ROLE__ROLE_PRIMARY);
        if (!over && gateway_answered("a", "2 BYE")) {
            over = true; /* it may die of the last message */
            rest = mono_add_ms(loop_now_exact(), 200);
        }
        repeat(gateway_got("a", 200), far_got("ACK "), over);
        run_for(50);
        cr_assert_not(gateway_failed("a"), "%s: the caller was refused", what);
        cr_assert(mono_before(loop_now_exact(), limit),
                  "%s: no end (%s, answered %d, acknowledged %d, released %d)", what,
                  dead ? "died" : "alive", gateway_got("a", 200), far_got("ACK "), over);
    }
    cr_assert_eq(far_calls(), 1, "%s: the called party saw two calls", what);
    cr_assert_eq(records_at(EAST2, outcome, sizeof(outcome)), 1, "%s: at the backup", what);
    cr_assert_str_eq(outcome, "RELEASED", "%s: %s", what, outcome);
    dead = dead || died();
    kit_kill(EAST1); /* it might still pass the point */
    return dead;
}

static void every_passage_of(const char *point)
{
    unsigned n = 1;

    for (; n < ALL; n++) {
        bool dead;

        kit_setup();
        options.sip_t1_ms = 200;
        dead = call_through(point, n);
        kit_teardown();
        if (!dead)
            break;
    }
    cr_assert_gt(n, 3, "it is passed %u times only", n);
    cr_assert_lt(n, ALL);
}

TestSuite(kill, .timeout = 240);

Test(kill, h_7_when_a_message_has_been_received)
{
    every_passage_of("RECEIVED");
}

Test(kill, h_7_when_it_has_been_decided_on)
{
    every_passage_of("STEPPED");
}

Test(kill, h_7_when_what_has_changed_is_on_its_way_to_the_backup)
{
    every_passage_of("COMMITTED");
}

Test(kill, h_7_when_the_backup_has_acknowledged)
{
    every_passage_of("ACKNOWLEDGED");
}

Test(kill, h_7_when_it_has_been_sent)
{
    every_passage_of("SENT");
}
