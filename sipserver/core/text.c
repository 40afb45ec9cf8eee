#include "sipserver/core/state.h"

#include <string.h>

void text_copy(char *to, size_t size, const char *from)
{
    text_copy_str(to, size, from != NULL ? sip_str_of(from) : SIP_STR_NONE);
}

void text_copy_str(char *to, size_t size, struct sip_str from)
{
    size_t len = from.len < size ? from.len : size - 1;

    if (len != 0)
        memcpy(to, from.p, len);
    to[len] = '\0';
}

void text_copy_number(char *to, size_t size, struct sip_str from)
{
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "-_.!~*'()+"; /* unreserved of RFC 3261 25.1, and + */
    size_t len = 0, at = 0, n;

    while (at < from.len && len + 1 < size) {
        struct sip_str escape = {from.p + at, 3};
        char one[2];

        if (from.p[at] == '%' && from.len - at >= 3 &&
            sip_unescape(escape, one, sizeof(one), &n) == 0 && strchr(plain, one[0]) != NULL) {
            to[len++] = one[0];
            at += 3;
        } else {
            to[len++] = from.p[at++];
        }
    }
    to[len] = '\0';
}

/* Without its visual separators; a name that is no telephone number stays as it is. */
static void strip_separators(char *number)
{
    size_t len = 0;

    if (number[strspn(number, "+0123456789*#-.()")] != '\0')
        return;
    for (const char *c = number; *c != '\0'; c++)
        if (strchr("-.()", *c) == NULL)
            number[len++] = *c;
    number[len] = '\0';
}

bool number_read(const struct sip_uri *uri, struct sip_str user, char number[SC_NAME_SIZE])
{
    char text[3 * SC_NAME_SIZE]; /* each of its characters may be escaped */
    struct sip_str kind;

    if (user.len >= sizeof(text))
        return false;
    text_copy_number(text, sizeof(text), user);
    if (uri->scheme == SIP_SCHEME_TEL ||
        (sip_param_get(uri->params, "user", &kind) && sip_str_eq_nocase(kind, SIP_STR("phone"))))
        strip_separators(text);
    if (text[0] == '\0' || strlen(text) >= SC_NAME_SIZE)
        return false;
    text_copy(number, SC_NAME_SIZE, text);
    return true;
}

bool number_of_uri(const struct sip_uri *uri, char number[SC_NAME_SIZE])
{
    return number_read(uri, uri->user, number);
}

bool text_eq(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/*     63..60  59..28      27..0
 *     kind    generation  index */
uint64_t owner_of(enum owner_kind kind, handle_t handle)
{
    return (uint64_t)kind << 60 | (uint64_t)handle.generation << 28 | handle.index;
}

enum owner_kind owner_kind(uint64_t owner)
{
    return (enum owner_kind)(owner >> 60);
}

handle_t owner_handle(uint64_t owner)
{
    return (handle_t){(uint32_t)(owner & 0xfffffff), (uint32_t)(owner >> 28 & 0xffffffff)};
}
