#include "sipserver/sip/framer.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "sipserver/sip/fields.h"
#include "sipserver/sip/message.h"

#define PING     "\r\n\r\n"
#define PING_LEN (sizeof(PING) - 1)

void sip_framer_init(struct sip_framer *f, size_t max)
{
    *f = (struct sip_framer){.max = max};
}

/* ---- the head --------------------------------------------------------------- */

/* The value of a Content-Length line, with its folds.  False: it is another line. */
static bool is_length(struct sip_str line, struct sip_str *ret_value)
{
    const char *colon;
    struct sip_str name;

    /* Few lines begin so: the others cost one look. */
    if (line.len == 0 || ((line.p[0] | 0x20) != 'c' && (line.p[0] | 0x20) != 'l'))
        return false;
    colon = memchr(line.p, ':', line.len);
    if (colon == NULL)
        return false;
    name = sip_str_trim((struct sip_str){line.p, (size_t)(colon - line.p)});
    if (sip_header_find(name) != SIP_H_CONTENT_LENGTH)
        return false;
    *ret_value = sip_str_trim((struct sip_str){colon + 1, (size_t)(line.p + line.len - colon - 1)});
    return true;
}

/* The header line, with its folds, at *AT of a whole head. */
static struct sip_str header_line(const char *data, size_t head, size_t *at)
{
    size_t from = *at, end = from;

    do {
        const char *nl = memchr(data + end, '\n', head - end);

        assert(nl != NULL); /* the head ends with a line end */
        end = (size_t)(nl - data) + 1;
    } while (end < head && (data[end] == ' ' || data[end] == '\t'));
    *at = end;
    return (struct sip_str){data + from, end - from};
}

/* The length of the body that the head of HEAD bytes announces. */
static enum sip_frame read_length(const char *data, size_t head, uint32_t *ret_length)
{
    struct sip_str line, value;
    uint32_t length = 0, other;
    bool found = false;
    size_t at = 0;

    while (at < head) {
        line = header_line(data, head, &at);
        if (!is_length(line, &value))
            continue;
        if (sip_number_parse(value, UINT32_MAX, &other) < 0 || (found && other != length))
            return SIP_FRAME_BAD_LENGTH;
        length = other;
        found = true;
    }
    *ret_length = length;
    return found ? SIP_FRAME_MESSAGE : SIP_FRAME_NO_LENGTH;
}

/* The length of the head with the empty line that ends it; 0: it has not come yet.  Each byte is
 * looked at once. */
static size_t find_head(struct sip_framer *f, const char *data, size_t len)
{
    while (f->scanned < len) {
        const char *nl = memchr(data + f->scanned, '\n', len - f->scanned);
        size_t line = f->line, length;

        if (nl == NULL) {
            f->scanned = len;
            return 0;
        }
        length = (size_t)(nl - data) - line;
        f->scanned = f->line = line + length + 1;
        if (length == 0 || (length == 1 && data[line] == '\r'))
            return f->scanned;
    }
    return 0;
}

/* ---- between messages ------------------------------------------------------- */

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

bool sip_framer_idle(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_line_end(data[i]))
            return false;
    }
    return true;
}

/* Line ends at the begin of DATA.  True: FRAME is the answer. */
static bool between(const char *data, size_t len, size_t *used, enum sip_frame *frame)
{
    while (*used < len && is_line_end(data[*used])) {
        size_t left = len - *used;

        if (left >= PING_LEN && memcmp(data + *used, PING, PING_LEN) == 0) {
            *used += PING_LEN;
            *frame = SIP_FRAME_PING;
            return true;
        }
        if (left < PING_LEN && memcmp(data + *used, PING, left) == 0) {
            *frame = SIP_FRAME_MORE; /* perhaps the begin of a ping */
            return true;
        }
        (*used)++;
    }
    return false;
}

enum sip_frame sip_framer_next(struct sip_framer *f, const char *data, size_t len, size_t *ret_used)
{
    enum sip_frame frame = SIP_FRAME_MORE;
    size_t used = 0, head;
    uint32_t length;

    if (f->scanned == 0 && between(data, len, &used, &frame)) {
        *ret_used = used;
        return frame;
    }
    *ret_used = used;
    data += used;
    len -= used;
    if (f->whole == 0) {
        head = find_head(f, data, len);
        if (head == 0)
            return len >= f->max ? SIP_FRAME_TOO_LARGE : SIP_FRAME_MORE;
        f->head = head;
        if (head > f->max)
            return SIP_FRAME_TOO_LARGE;
        frame = read_length(data, head, &length);
        if (frame != SIP_FRAME_MESSAGE)
            return frame;
        if (length > f->max - head)
            return SIP_FRAME_TOO_LARGE;
        f->whole = head + length;
    }
    if (len < f->whole)
        return SIP_FRAME_MORE;
    /* Line ends before it go with the message: the parser skips them too. */
    *ret_used = used + f->whole;
    sip_framer_init(f, f->max);
    return SIP_FRAME_MESSAGE;
}

const char *sip_frame_text(enum sip_frame frame)
{
    switch (frame) {
    case SIP_FRAME_TOO_LARGE: return "a message is too large";
    case SIP_FRAME_NO_LENGTH: return "a message has no Content-Length";
    case SIP_FRAME_BAD_LENGTH: return "Content-Length is no number, or there are two that differ";
    case SIP_FRAME_MORE:
    case SIP_FRAME_MESSAGE:
    case SIP_FRAME_PING: break;
    }
    return "nothing is wrong";
}
