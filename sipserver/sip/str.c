#include "sipserver/sip/str.h"

#include <errno.h>
#include <string.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool sip_str_eq_nocase_bytes(const char *a, const char *b, size_t len)
{
    if (memcmp(a, b, len) == 0) /* nearly always, where they are equal at all */
        return true;
    for (size_t i = 0; i < len; i++) {
        if (lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct sip_str sip_str_trim(struct sip_str s)
{
    while (s.len > 0 && is_space(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.p[s.len - 1]))
        s.len--;
    return s;
}

int sip_str_copy(struct sip_str s, char *to, size_t size)
{
    if (s.len >= size)
        return -EMSGSIZE;
    if (s.len > 0)
        memcpy(to, s.p, s.len);
    to[s.len] = '\0';
    return 0;
}

struct sip_str sip_str_cut(struct sip_str s, size_t size)
{
    size_t len = size - 1;

    if (s.len < size)
        return s;
    while (len > 0 && ((unsigned char)s.p[len] & 0xc0) == 0x80)
        len--;
    return (struct sip_str){s.p, len};
}
