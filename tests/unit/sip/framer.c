/* The framer: messages out of a stream, however it is cut (RFC 3261 7.5, 18.3; RFC 5626 4.4.1). */
#include "kit.h"

#include "sipserver/sip/framer.h"

#define OPTIONS(extra) "OPTIONS sip:a@b SIP/2.0\r\nCall-ID: x\r\n" extra

struct seen {
    unsigned messages, pings;
    enum sip_frame last;
    size_t lengths[64];
};

/* feed - TEXT in pieces of STEP bytes, as a reader of a socket hands it in: what is not used up
 * stays in front. */
static struct seen feed(const char *text, size_t total, size_t step, size_t max)
{
    struct sip_framer f;
    struct seen seen = {.last = SIP_FRAME_MORE};
    size_t from = 0, to = 0;

    sip_framer_init(&f, max);
    while (to < total) {
        to = to + step < total ? to + step : total;
        do {
            size_t used = 0, len = to - from;
            char *exact = malloc(len > 0 ? len : 1); /* a read beyond it is seen */

            memcpy(exact, text + from, len);
            seen.last = sip_framer_next(&f, exact, len, &used);
            free(exact);
            cr_assert_leq(used, len);
            from += used;
            if (seen.last == SIP_FRAME_MESSAGE)
                seen.lengths[seen.messages++ % 64] = used;
            seen.pings += seen.last == SIP_FRAME_PING;
        } while (seen.last == SIP_FRAME_MESSAGE || seen.last == SIP_FRAME_PING);
        if (seen.last != SIP_FRAME_MORE)
            break;
    }
    return seen;
}

static struct seen feed_text(const char *text, size_t step)
{
    return feed(text, strlen(text), step, 4096);
}

Test(framer, messages_end_where_content_length_says_however_the_stream_is_cut)
{
    const char *text = OPTIONS("Content-Length: 5\r\n\r\nhello") OPTIONS("l: 0\r\n\r\n")
        OPTIONS("CONTENT-length \t:\r\n 3\r\n\r\n\r\n\r") OPTIONS("l:0\r\n\r\n");

    for (size_t step = 1; step < 300; step++) {
        struct seen seen = feed_text(text, step);

        cr_assert_eq(seen.last, SIP_FRAME_MORE);
        cr_assert_eq(seen.messages, 4, "step %zu: %u messages", step, seen.messages);
        cr_assert_eq(seen.lengths[0], strlen(OPTIONS("Content-Length: 5\r\n\r\nhello")));
    }
}

Test(framer, bare_line_feeds_end_a_head_as_they_do_for_the_parser)
{
    struct seen seen = feed_text("OPTIONS sip:a@b SIP/2.0\nl: 2\n\nab" OPTIONS("l: 0\r\n\n"), 7);

    cr_assert_eq(seen.messages, 2);
}

Test(framer, rfc_5626_4_4_1_a_double_line_end_between_messages_is_a_ping)
{
    struct seen seen = feed_text("\r\n\r\n" OPTIONS("l: 0\r\n\r\n") "\r\n\r\n\r\n\r\n", 1);

    cr_assert_eq(seen.messages, 1);
    cr_assert_eq(seen.pings, 3);
}

Test(framer, rfc_3261_7_5_line_ends_before_a_message_are_skipped)
{
    struct seen seen =
        feed_text("\r\n" OPTIONS("l: 0\r\n\r\n") "\n\n\r" OPTIONS("l: 0\r\n\r\n"), 3);

    cr_assert_eq(seen.messages, 2);
    cr_assert_eq(seen.pings, 0);
}

Test(framer, a_body_of_line_ends_is_no_ping)
{
    struct seen seen =
        feed_text(OPTIONS("l: 8\r\n\r\n") "\r\n\r\n\r\n\r\n" OPTIONS("l: 0\r\n\r\n"), 1);

    cr_assert_eq(seen.messages, 2);
    cr_assert_eq(seen.pings, 0);
}

Test(framer, rfc_3261_18_3_a_message_without_content_length_ends_the_stream)
{
    cr_assert_eq(feed_text(OPTIONS("\r\n"), 9).last, SIP_FRAME_NO_LENGTH);
    /* The name in a value or as the begin of another name is not the header. */
    cr_assert_eq(feed_text(OPTIONS("Subject: x\r\n l: 0\r\n\r\n"), 9).last, SIP_FRAME_NO_LENGTH);
    cr_assert_eq(feed_text(OPTIONS("Content-Lengths: 0\r\n\r\n"), 9).last, SIP_FRAME_NO_LENGTH);
}

Test(framer, a_length_that_is_no_number_or_two_that_differ_end_the_stream)
{
    const char *bad[] = {"-1", "1 2", "0x5", "", "4294967296", "5;x"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[200];

        snprintf(text, sizeof(text), OPTIONS("l: %s\r\n\r\nabc"), bad[i]);
        cr_assert_eq(feed_text(text, 1).last, SIP_FRAME_BAD_LENGTH, "'%s'", bad[i]);
    }
    cr_assert_eq(feed_text(OPTIONS("l: 1\r\nContent-Length: 2\r\n\r\nab"), 1).last,
                 SIP_FRAME_BAD_LENGTH);
    cr_assert_eq(feed_text(OPTIONS("l: 2\r\nContent-Length: 2\r\n\r\nab"), 1).messages, 1);
}

Test(framer, what_is_longer_than_the_most_ends_the_stream_at_once)
{
    char text[600];
    size_t n = (size_t)snprintf(text, sizeof(text), OPTIONS("l: 400\r\n\r\n"));

    memset(text + n, 'x', 400);
    cr_assert_eq(feed(text, n + 400, 1, n + 400).messages, 1);
    cr_assert_eq(feed(text, n, 1, n + 399).last, SIP_FRAME_TOO_LARGE); /* before the body came */
    memset(text, 'x', sizeof(text));
    cr_assert_eq(feed(text, 500, 1, 500).last, SIP_FRAME_TOO_LARGE); /* a line without an end */
    n = (size_t)snprintf(text, sizeof(text), OPTIONS("l: 4294967295\r\n\r\n"));
    cr_assert_eq(feed(text, n, 1, 4096).last, SIP_FRAME_TOO_LARGE);
}

Test(framer, line_ends_that_wait_for_a_ping_are_no_message_under_way)
{
    cr_assert(sip_framer_idle("\r\n\r", 3));
    cr_assert(sip_framer_idle("", 0));
    cr_assert_not(sip_framer_idle("\r\nO", 3));
}

Test(framer, what_it_cuts_is_what_the_parser_reads)
{
    const char *text = OPTIONS("Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
                               "<sip:a@b>\r\nCSeq: 1 OPTIONS\r\nContent-Length: 3\r\n\r\nabcREST");
    struct sip_framer f;
    struct sip_msg m;
    size_t used;

    sip_framer_init(&f, 4096);
    cr_assert_eq(sip_framer_next(&f, text, strlen(text), &used), SIP_FRAME_MESSAGE);
    cr_assert_eq(sip_msg_parse(text, used, &m), SIP_OK);
    assert_str(m.body, "abc");
    cr_assert_eq(strlen(text) - used, 4);
}
