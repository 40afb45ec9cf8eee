/* The headless desktop's machine (SF-5): it stays while its site is only restarting and moves when
 * the site is lost. */
#include "desktop/core/client.h"

#include <criterion/criterion.h>
#include <string.h>

static struct client client;
static struct client_out out;
static mono_t now;

static void setup(void)
{
    struct client_conf conf = {.site_count = 2,
                               .silent_after_ms = 3000,
                               .site_loss_after_ms = 5000,
                               .out_after_ms = 15000,
                               .attempt_ms = 1000,
                               .retry_ms = 250,
                               .later_min_ms = 300,
                               .later_max_ms = 3000,
                               .spread_ms = 500};

    now = (mono_t){1000 * MONO_NS_PER_MS};
    client_init(&client, &conf, 1, now);
}

TestSuite(client, .init = setup);

static void event(enum client_event_kind kind)
{
    client_step(&client, now, kind, false, &out);
}

static bool did(enum client_action_kind kind, uint32_t site)
{
    for (uint32_t i = 0; i < out.count; i++)
        if (out.actions[i].kind == kind && out.actions[i].site == site)
            return true;
    return false;
}

/* due - let time pass until the state's time is over. */
static void due(void)
{
    now = mono_max(now, client_deadline(&client));
    event(CLIENT_EV_DUE);
}

static void log_in(void)
{
    due();
    cr_assert(did(CLIENT_ACT_LOGIN, client.site));
    event(CLIENT_EV_ACCEPTED);
    cr_assert(did(CLIENT_ACT_OPEN, client.site));
    cr_assert_eq(client.state, CLIENT_CONNECTED);
}

/* beats - SECONDS of them. */
static void beats(int seconds)
{
    for (int i = 0; i < seconds; i++) {
        now = mono_add_ms(now, 1000);
        event(CLIENT_EV_DUE);
        event(CLIENT_EV_BEAT);
    }
}

Test(client, beats_keep_it_connected)
{
    log_in();
    beats(600);
    cr_assert_eq(client.state, CLIENT_CONNECTED);
    cr_assert_eq(client.moves, 0);
}

Test(client, a_restarted_gateway_is_logged_in_to_again_at_the_same_site)
{
    log_in();
    event(CLIENT_EV_CUT); /* killed */
    for (mono_t back = mono_add_ms(now, 3000); mono_before(now, back);) {
        due();
        if (client.state == CLIENT_SEEKING)
            event(CLIENT_EV_CUT); /* connection refused */
    }
    due();
    if (client.state == CLIENT_PAUSING)
        due();
    cr_assert_eq(client.state, CLIENT_SEEKING);
    event(CLIENT_EV_UNKNOWN); /* it is back, without sessions */
    cr_assert(did(CLIENT_ACT_LOGIN, 0));
    event(CLIENT_EV_ACCEPTED);
    cr_assert_eq(client.state, CLIENT_CONNECTED);
    cr_assert_eq(client.moves, 0, "SF-5: not triggered by a switchover inside a site");
}

Test(client, a_stream_that_only_broke_is_opened_again_without_a_login)
{
    log_in();
    event(CLIENT_EV_CUT);
    due();
    cr_assert(did(CLIENT_ACT_OPEN, 0));
    event(CLIENT_EV_BEAT);
    cr_assert_eq(client.state, CLIENT_CONNECTED);
    beats(10);
    cr_assert_eq(client.moves, 0);
}

Test(client, a_dead_site_is_left_after_site_loss_after)
{
    log_in();
    mono_t killed = now;
    event(CLIENT_EV_CUT);
    while (client.site == 0) {
        due();
        if (client.state == CLIENT_SEEKING)
            event(CLIENT_EV_CUT);
        cr_assert(mono_diff_ms(now, killed) <= 5500);
    }
    cr_assert_geq(mono_diff_ms(now, killed), 5000);
    due();
    cr_assert(did(CLIENT_ACT_LOGIN, 1));
    cr_assert_leq(mono_diff_ms(now, killed), 6000, "the spread is bounded");
    event(CLIENT_EV_ACCEPTED);
    cr_assert_eq(client.state, CLIENT_CONNECTED);
    cr_assert_eq(client.moves, 1);
}

Test(client, a_silent_site_is_left_too)
{
    log_in();
    mono_t cut = now;
    while (client.site == 0) /* nothing comes back at all */
        due();
    cr_assert_geq(mono_diff_ms(now, cut), 8000);
    cr_assert_leq(mono_diff_ms(now, cut), 3000 + 5000 + 1250);
    due();
    cr_assert(did(CLIENT_ACT_LOGIN, 1));
}

Test(client, if_the_other_site_is_dead_as_well_it_goes_round)
{
    for (int i = 0; i < 200; i++) {
        due();
        event(CLIENT_EV_NO_ANSWER);
    }
    cr_assert_gt(client.moves, 2);
    log_in();
}

Test(client, later_is_tried_again_with_jitter_at_the_same_site)
{
    int64_t least = INT64_MAX, most = 0;

    due();
    for (int i = 0; i < 5; i++) { /* L-1: the phone is out of service here */
        mono_t refused = now;

        event(CLIENT_EV_LATER);
        due();
        cr_assert(did(CLIENT_ACT_LOGIN, 0));
        int64_t waited = mono_diff_ms(now, refused);
        least = waited < least ? waited : least;
        most = waited > most ? waited : most;
    }
    cr_assert_geq(least, 300);
    cr_assert_leq(most, 3000);
    cr_assert_neq(least, most);
    cr_assert_eq(client.moves, 0);
}

Test(client, a_site_that_says_later_for_long_is_left)
{
    mono_t began = now;

    while (client.site == 0) {
        due();
        if (client.state == CLIENT_LOGGING_IN)
            event(CLIENT_EV_LATER);
    }
    cr_assert_geq(mono_diff_ms(now, began), 15000);
    cr_assert_leq(mono_diff_ms(now, began), 15000 + 3000);
}

Test(client, a_refusal_for_good_stops_it)
{
    due();
    event(CLIENT_EV_REFUSED);
    cr_assert_eq(client.state, CLIENT_STOPPED);
    cr_assert(client.refused);
    cr_assert(did(CLIENT_ACT_DONE, 0));
}

Test(client, an_ended_session_is_renewed_only_when_the_server_says_so)
{
    log_in();
    client_step(&client, now, CLIENT_EV_ENDED, true, &out);
    cr_assert_eq(client.state, CLIENT_WAITING);
    log_in();
    client_step(&client, now, CLIENT_EV_ENDED, false, &out);
    cr_assert_eq(client.state, CLIENT_STOPPED);
    cr_assert_not(client.refused);
}

Test(client, stop_logs_out_and_ends_even_when_nobody_answers)
{
    log_in();
    event(CLIENT_EV_STOP);
    cr_assert(did(CLIENT_ACT_LOGOUT, 0));
    due();
    cr_assert_eq(client.state, CLIENT_STOPPED);
    cr_assert(mono_is_never(client_deadline(&client)));
}

Test(client, with_one_site_only_it_never_moves)
{
    client.conf.site_count = 1;
    log_in();
    event(CLIENT_EV_CUT);
    for (int i = 0; i < 100; i++) {
        due();
        event(CLIENT_EV_CUT);
    }
    cr_assert_eq(client.moves, 0);
    event(CLIENT_EV_BEAT);
}
