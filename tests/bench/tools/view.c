#include "tests/bench/tools/view.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool slice_is(struct slice s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

bool slice_has(struct slice s, const char *text)
{
    return memmem(s.p, s.len, text, strlen(text)) != NULL;
}

struct slice slice_after(struct slice s, const char *mark, const char *ends)
{
    const char *found = s.len > 0 ? memmem(s.p, s.len, mark, strlen(mark)) : NULL;
    struct slice out = {NULL, 0};

    if (found == NULL)
        return out;
    out.p = found + strlen(mark);
    while (out.p + out.len < s.p + s.len && strchr(ends, out.p[out.len]) == NULL)
        out.len++;
    return out;
}

long slice_number(struct slice s)
{
    long n = -1;

    for (size_t i = 0; i < s.len && s.p[i] >= '0' && s.p[i] <= '9' && i < 18; i++)
        n = (n < 0 ? 0 : n * 10) + (s.p[i] - '0');
    return n;
}

bool slice_copy(struct slice s, char *to, size_t size)
{
    if (s.len >= size)
        return false;
    if (s.len > 0)
        memcpy(to, s.p, s.len);
    to[s.len] = '\0';
    return true;
}

static bool first_line(struct view *v, const char *line, size_t len)
{
    const char *space;

    if (len > 12 && memcmp(line, "SIP/2.0 ", 8) == 0) {
        v->status = (unsigned)slice_number((struct slice){line + 8, 3});
        return v->status >= 100 && v->status < 700;
    }
    space = memchr(line, ' ', len);
    if (space == NULL || len < 8 || memcmp(line + len - 8, " SIP/2.0", 8) != 0)
        return false;
    v->method = (struct slice){line, (size_t)(space - line)};
    v->uri = (struct slice){space + 1, (size_t)(line + len - 8 - space - 1)};
    return true;
}

static void echo(struct view *v, const char *line, size_t len)
{
    if (v->echo_n < VIEW_ECHO_MAX)
        v->echo[v->echo_n++] = (struct slice){line, len};
}

static bool cseq(struct view *v, struct slice value)
{
    const char *space = memchr(value.p, ' ', value.len);
    struct slice method;

    if (space == NULL)
        return false;
    v->cseq = (uint32_t)slice_number(value);
    method = (struct slice){space + 1, (size_t)(value.p + value.len - space - 1)};
    if (v->status == 0)
        return slice_eq(method, v->method);
    v->method = method;
    return true;
}

static bool header(struct view *v, const char *line, size_t len, long *content_length)
{
    const char *colon = memchr(line, ':', len);
    struct slice name, value;

    if (colon == NULL)
        return false;
    name = (struct slice){line, (size_t)(colon - line)};
    value = (struct slice){colon + 1, (size_t)(line + len - colon - 1)};
    while (value.len > 0 && *value.p == ' ') {
        value.p++;
        value.len--;
    }
#define NAMED(text) (name.len == sizeof(text) - 1 && strncasecmp(name.p, text, name.len) == 0)
    if (NAMED("Via")) {
        if (v->vias++ == 0)
            v->via = value;
        echo(v, line, len);
    } else if (NAMED("From")) {
        v->from = value;
        echo(v, line, len);
    } else if (NAMED("To")) {
        v->to = value;
        v->to_line = (struct slice){line, len};
    } else if (NAMED("Call-ID")) {
        v->call_id = value;
        echo(v, line, len);
    } else if (NAMED("CSeq")) {
        echo(v, line, len);
        return cseq(v, value);
    } else if (NAMED("Record-Route")) {
        v->record_routes++;
        v->record_route = value;
        echo(v, line, len);
    } else if (NAMED("Contact")) {
        v->contacts++;
        v->contact = value;
    } else if (NAMED("Max-Forwards")) {
        v->max_forwards = value;
    } else if (NAMED("WWW-Authenticate")) {
        if (v->authenticates < 2)
            v->authenticate[v->authenticates++] = value;
    } else if (NAMED("Content-Length")) {
        *content_length = slice_number(value);
    }
#undef NAMED
    return true;
}

bool view_read(struct view *v, const char *data, size_t len)
{
    const char *line = data, *end = data + len, *stop;
    long content_length = -1;

    memset(v, 0, sizeof(*v));
    for (bool first = true;; first = false, line = stop + 2) {
        stop = memchr(line, '\r', (size_t)(end - line));
        if (stop == NULL || stop + 1 >= end || stop[1] != '\n')
            return false;
        if (stop == line && !first)
            break;
        if (!(first ? first_line(v, line, (size_t)(stop - line))
                    : header(v, line, (size_t)(stop - line), &content_length)))
            return false;
    }
    v->body = (struct slice){stop + 2, (size_t)(end - stop - 2)};
    return v->vias > 0 && v->from.len > 0 && v->to.len > 0 && v->call_id.len > 0 &&
           v->method.len > 0 && (content_length < 0 || (size_t)content_length == v->body.len);
}
