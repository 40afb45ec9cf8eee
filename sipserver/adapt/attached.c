#include "sipserver/adapt/attached.h"

#include <errno.h>
#include <string.h>

#include "sipserver/core/data.h"

/* Keep VALUE in TEXT, from *USED on. */
static char *keep(char *text, size_t *used, const char *value)
{
    size_t size = strlen(value) + 1;
    char *kept = text + *used;

    memcpy(kept, value, size);
    *used += size;
    return kept;
}

void attached_fill(struct attached *a, const char *data)
{
    struct sip_str rest = sip_str_of(data);
    char key[SC_DATA_KEY_SIZE], value[SC_DATA_VALUE_SIZE];
    size_t used = 0;

    a->n = 0;
    while (a->n < ATTACHED_MAX && data_next(&rest, key, value)) {
        Sf__Attached *pair = &a->pairs[a->n];

        sf__attached__init(pair);
        pair->key = keep(a->text, &used, key);
        pair->value = keep(a->text, &used, value);
        a->list[a->n++] = pair;
    }
}

int attached_read(Sf__Attached *const *pairs, size_t n, char data[SC_DATA_SIZE])
{
    int r = 0;

    data[0] = '\0';
    for (size_t i = 0; r == 0 && i < n; i++)
        r = data_put(data, SC_DATA_SIZE, pairs[i]->key, pairs[i]->value);
    return r;
}
