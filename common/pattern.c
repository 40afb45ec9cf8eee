#include "common/pattern.h"

#include <string.h>

#define DIGITS   0x3ffu /* bits 0 to 9 */
#define STAR     (1u << 10)
#define HASH     (1u << 11)
#define PLUS     (1u << 12)
#define ANY_MORE 99 /* allows more than any set */

/* The set of one character that stands for itself; 0: it does not. */
static unsigned literal(char c)
{
    switch (c) {
    case '*': return STAR;
    case '#': return HASH;
    case '+': return PLUS;
    default: return c >= '0' && c <= '9' ? 1u << (c - '0') : 0;
    }
}

static unsigned class_of(char c)
{
    switch (c) {
    case 'X':
    case 'x': return DIGITS;
    case 'Z':
    case 'z': return DIGITS & ~1u;
    case 'N':
    case 'n': return DIGITS & ~3u;
    default: return literal(c);
    }
}

/* take_set - the set that *TEXT, behind its '[', begins with; 0: it is none. */
static unsigned take_set(const char **text)
{
    unsigned set = 0;
    const char *p = *text;

    while (*p != ']') {
        unsigned from = literal(*p), to;

        if (from == 0)
            return 0;
        if (p[1] == '-') {
            to = literal(p[2]);
            if (to < from || (from & DIGITS) == 0 || (to & DIGITS) == 0)
                return 0;
            set |= (to - from) | to;
            p += 3;
        } else {
            set |= from;
            p++;
        }
    }
    *text = p + 1;
    return set;
}

const char *pattern_parse(const char *text, struct pattern *ret_pattern)
{
    struct pattern p = {0};

    if (text[0] == '\0')
        return "is empty; write digits, X, Z, N or [] for one digit, . or ! at the end";
    while (*text != '\0') {
        unsigned set;

        if (*text == '.' || *text == '!') {
            p.tail = *text == '.' ? PATTERN_SOME_MORE : PATTERN_ANY_MORE;
            if (text[1] != '\0')
                return "has a . or ! that is not its end; put it there";
            break;
        }
        if (*text == '[') {
            text++;
            set = take_set(&text);
            if (set == 0)
                return "has a [] that is no set of digits; write [137] or [2-5], and close it";
        } else {
            set = class_of(*text++);
            if (set == 0)
                return "has a character that no number has; write digits * # +, X, Z, N or [] for "
                       "one digit, . or ! at the end";
        }
        if (p.n == PATTERN_MAX)
            return "is longer than 32 places; shorten it";
        p.sets[p.n++] = (uint16_t)set;
    }
    *ret_pattern = p;
    return NULL;
}

const char *pattern_prefix(const char *text, struct pattern *ret_pattern)
{
    const char *fault = pattern_parse(text, ret_pattern);

    if (fault == NULL && ret_pattern->tail != PATTERN_ENDS)
        return "has a . or ! in it; a prefix goes on by itself";
    if (fault == NULL)
        ret_pattern->tail = PATTERN_ANY_MORE;
    return fault;
}

bool pattern_fits(const struct pattern *p, const char *number, size_t len)
{
    if (len < p->n || (len > p->n && p->tail == PATTERN_ENDS) ||
        (len == p->n && p->tail == PATTERN_SOME_MORE))
        return false;
    for (unsigned i = 0; i < p->n; i++)
        if ((literal(number[i]) & p->sets[i]) == 0)
            return false;
    return true;
}

static int size_of(unsigned set)
{
    int n = 0;

    for (; set != 0; set &= set - 1)
        n++;
    return n;
}

/* How many characters P allows at PLACE. */
static int allowed(const struct pattern *p, unsigned place)
{
    if (place < p->n)
        return size_of(p->sets[place]);
    return p->tail == PATTERN_ENDS ? 0 : ANY_MORE;
}

int pattern_compare(const struct pattern *a, const struct pattern *b)
{
    unsigned n = a->n > b->n ? a->n : b->n;

    for (unsigned i = 0; i < n; i++) {
        int difference = allowed(a, i) - allowed(b, i);

        if (difference != 0)
            return difference;
    }
    return (int)a->tail - (int)b->tail;
}

bool pattern_same(const struct pattern *a, const struct pattern *b)
{
    return a->n == b->n && a->tail == b->tail &&
           memcmp(a->sets, b->sets, a->n * sizeof(a->sets[0])) == 0;
}

bool pattern_number(const struct pattern *p, char *text)
{
    static const char characters[] = "0123456789*#+";

    if (p->tail != PATTERN_ENDS)
        return false;
    for (unsigned i = 0; i < p->n; i++) {
        if (size_of(p->sets[i]) != 1)
            return false;
        text[i] = characters[__builtin_ctz(p->sets[i])];
    }
    text[p->n] = '\0';
    return true;
}
