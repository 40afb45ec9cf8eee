#include "sipserver/sip/str.h"

#include <errno.h>
#include <string.h>

struct sip_str sip_str_of(const char *text)
{
    return (struct sip_str){text, strlen(text)};
}

bool sip_str_eq(struct sip_str a, struct sip_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool sip_str_eq_nocase(struct sip_str a, struct sip_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.p[i]) != lower(b.p[i]))
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
