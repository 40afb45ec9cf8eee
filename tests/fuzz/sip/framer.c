/* fuzz_sip_framer - one stream, cut in two ways, gives the same messages.
 *
 * The first byte says how long the pieces are that the stream comes in; the other way is all at
 * once. Checked besides the sanitizers: the same kinds and lengths in the same order; nothing is
 * used up beyond what is there; a message that was cut has its whole body for the parser. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sipserver/sip/framer.h"
#include "sipserver/sip/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_MAX 2048
#define FRAMES_MAX  4096

struct frames {
    unsigned n;
    enum sip_frame kind[FRAMES_MAX];
    size_t end[FRAMES_MAX];
};

static void check_message(const char *data, size_t len)
{
    static struct sip_msg m;
    enum sip_problem problem = sip_msg_parse(data, len, &m);

    assert(len <= MESSAGE_MAX + 4);
    assert(problem != SIP_BAD_LENGTH_BEYOND && problem != SIP_BAD_UNTERMINATED);
}

static void cut(const char *text, size_t total, size_t step, struct frames *frames)
{
    struct sip_framer f;
    enum sip_frame frame = SIP_FRAME_MORE;
    size_t from = 0, to = 0, used;

    sip_framer_init(&f, MESSAGE_MAX);
    frames->n = 0;
    while (to < total && (frame == SIP_FRAME_MORE)) {
        to = total - to > step ? to + step : total;
        do {
            frame = sip_framer_next(&f, text + from, to - from, &used);
            assert(used <= to - from);
            if (frame == SIP_FRAME_MESSAGE)
                check_message(text + from, used);
            from += used;
            if (frame != SIP_FRAME_MORE && frames->n < FRAMES_MAX) {
                frames->kind[frames->n] = frame;
                frames->end[frames->n++] = from;
            }
        } while (frame == SIP_FRAME_MESSAGE || frame == SIP_FRAME_PING);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct frames whole, pieces;
    char *exact;

    if (size < 2 || size > 16384)
        return 0;
    exact = malloc(size - 1);
    memcpy(exact, data + 1, size - 1);
    cut(exact, size - 1, size, &whole);
    cut(exact, size - 1, data[0] % 64 + 1u, &pieces);
    assert(whole.n == pieces.n);
    for (unsigned i = 0; i < whole.n; i++) {
        assert(whole.kind[i] == pieces.kind[i]);
        if (whole.kind[i] == SIP_FRAME_MESSAGE || whole.kind[i] == SIP_FRAME_PING)
            assert(whole.end[i] == pieces.end[i]);
    }
    free(exact);
    return 0;
}
