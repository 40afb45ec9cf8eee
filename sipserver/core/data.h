/* data - what agents attach to a call: pairs of key and value, kept in one text
 *
 *     customer=4711;note=Wants%20a%20refund
 *
 * as it also travels to the other site (X-Standfast-Data).  Keys are letters, digits, "_", "." and
 * "-"; values are UTF-8 without control characters, everything but letters, digits, "-", "_", "."
 * and "~" escaped.  In order of their first setting; a key occurs once; an empty value removes it.
 *
 * Pure text.  Texts from outside are checked here, so what a call holds is always well formed.
 */
#ifndef SIPSERVER_CORE_DATA_H
#define SIPSERVER_CORE_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sipserver/core/limits.h"
#include "sipserver/sip/str.h"

struct data_limits {
    uint32_t pairs_max;
    uint32_t key_max;   /* bytes */
    uint32_t value_max; /* bytes, before escaping */
};

/* data_next - the next pair of *REST, which moves behind it, its value without escapes.
 * False: none, or *REST is malformed (then it is not empty). */
bool data_next(struct sip_str *rest, char key[SC_DATA_KEY_SIZE], char value[SC_DATA_VALUE_SIZE]);

/* data_put - append a pair to TEXT (terminated, SIZE bytes), escaped, for who makes CHANGES.
 * Returns: 0; -EINVAL the key or the value may not be; -ENOSPC. */
int data_put(char *text, size_t size, const char *key, const char *value);

/* data_merge - TEXT with CHANGES applied, within LIMITS.  All or nothing.
 * Returns: 0; -EINVAL CHANGES is malformed; -ENOSPC too many pairs, a key or value that is too
 * long, or more than SC_DATA_SIZE in all: TEXT stays as it was. */
int data_merge(char text[SC_DATA_SIZE], struct sip_str changes, const struct data_limits *limits);

#endif
