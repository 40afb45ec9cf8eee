/* pattern - patterns of dialled numbers, as telephone people write them.
 *
 *     0-9 * # +   that character             [13-5]   one of these digits
 *     X           0 to 9                      .        at the end: anything, at least one character
 *     Z           1 to 9                      !        at the end: anything, or nothing more
 *     N           2 to 9
 *
 * Of two patterns that a number fits, the more specific one holds: at the first place from the left
 * where they differ, the one that allows fewer characters; a pattern that ends there with "." or
 * "!" allows the most.
 *
 * Owns: nothing; a pattern is a plain value.
 */
#ifndef COMMON_PATTERN_H
#define COMMON_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_SIZE 48 /* bytes of a pattern as text, with its NUL */
#define PATTERN_MAX  32 /* places of one */

enum pattern_tail { PATTERN_ENDS, PATTERN_SOME_MORE, PATTERN_ANY_MORE };

struct pattern {
    uint8_t n;
    uint8_t tail;               /* enum pattern_tail */
    uint16_t sets[PATTERN_MAX]; /* the characters of each place: bits 0 to 9, then * # + */
};

/* pattern_parse - read TEXT.  Returns: NULL; else what is wrong with it and the mend, in words. */
const char *pattern_parse(const char *text, struct pattern *ret_pattern);

/* pattern_prefix - the pattern of every number that begins with TEXT.  As pattern_parse. */
const char *pattern_prefix(const char *text, struct pattern *ret_pattern);

bool pattern_fits(const struct pattern *p, const char *number, size_t len);

/* pattern_compare - negative: A is more specific; positive: B is; 0: neither. */
int pattern_compare(const struct pattern *a, const struct pattern *b);

/* pattern_same - they stand for the same numbers. */
bool pattern_same(const struct pattern *a, const struct pattern *b);

/* pattern_number - P stands for one number only; into TEXT of PATTERN_SIZE bytes. */
bool pattern_number(const struct pattern *p, char *text);

#endif
