/* str - a slice of bytes that somebody else owns.
 *
 * A slice of a datagram is valid for the step that received the datagram and no longer: copy what
 * must live.  A slice may be empty (len 0, p then unspecified) and need not be terminated.
 */
#ifndef SIPSERVER_SIP_STR_H
#define SIPSERVER_SIP_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sip_str {
    const char *p;
    size_t len;
};

/* SIP_STR - slice of a string literal, as a constant expression's worth of code. */
#define SIP_STR(literal) ((struct sip_str){(literal), sizeof(literal) - 1})
#define SIP_STR_NONE     ((struct sip_str){NULL, 0})

/* sip_str_of - slice of a terminated string. */
static inline struct sip_str sip_str_of(const char *text)
{
    return (struct sip_str){text, strlen(text)};
}

/* sip_str_eq - same bytes. */
static inline bool sip_str_eq(struct sip_str a, struct sip_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* sip_str_eq_nocase - same but for the case of ASCII letters, as tokens of SIP compare
 * (RFC 3261 7.3.1). */
bool sip_str_eq_nocase_bytes(const char *a, const char *b, size_t len);
static inline bool sip_str_eq_nocase(struct sip_str a, struct sip_str b)
{
    return a.len == b.len && (a.len == 0 || (((a.p[0] ^ b.p[0]) & ~0x20) == 0 &&
                                             sip_str_eq_nocase_bytes(a.p, b.p, a.len)));
}

/* sip_str_trim - without white space (SP, HT, CR, LF: a folded line is white space) at both ends.
 */
struct sip_str sip_str_trim(struct sip_str s);

/* sip_str_copy - copy into TO of SIZE bytes and terminate; -EMSGSIZE, TO untouched, when it does
 * not fit. */
int sip_str_copy(struct sip_str s, char *to, size_t size);

/* sip_str_cut - S when it fits into SIZE bytes with a NUL; else its beginning that does, without a
 * part of a UTF-8 character (RFC 3629) at its end: the codec sends no message that has one. */
struct sip_str sip_str_cut(struct sip_str s, size_t size);

static inline bool sip_str_empty(struct sip_str s)
{
    return s.len == 0;
}

#endif
