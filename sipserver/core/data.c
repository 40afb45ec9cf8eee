#include "sipserver/core/data.h"

#include <errno.h>
#include <string.h>

static bool letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static bool plain(char c)
{
    return letter_or_digit(c) || c == '-' || c == '_' || c == '.' || c == '~';
}

static bool key_fine(struct sip_str key)
{
    for (size_t i = 0; i < key.len; i++)
        if (!plain(key.p[i]) || key.p[i] == '~')
            return false;
    return key.len > 0 && key.len < SC_DATA_KEY_SIZE;
}

/* How many bytes follow the lead byte C; -1: it is none.  *RET_MIN: the least code point, against
 * overlong forms. */
static int tail_of(unsigned char c, uint32_t *ret_code, uint32_t *ret_min)
{
    if (c < 0x80) {
        *ret_code = c;
        *ret_min = 0x20;
        return 0;
    }
    if (c >= 0xc2 && c < 0xe0) {
        *ret_code = c & 0x1fu;
        *ret_min = 0xa0; /* beyond the control characters */
        return 1;
    }
    if (c >= 0xe0 && c < 0xf0) {
        *ret_code = c & 0x0fu;
        *ret_min = 0x800;
        return 2;
    }
    if (c >= 0xf0 && c < 0xf5) {
        *ret_code = c & 0x07u;
        *ret_min = 0x10000;
        return 3;
    }
    return -1;
}

/* UTF-8 (RFC 3629) without control characters. */
static bool value_fine(const char *value)
{
    while (*value != '\0') {
        uint32_t code = 0, min = 0;
        int tail = tail_of((unsigned char)*value++, &code, &min);

        if (tail < 0)
            return false;
        for (; tail > 0; tail--, value++) {
            if (((unsigned char)*value & 0xc0u) != 0x80u)
                return false;
            code = code << 6 | ((unsigned char)*value & 0x3fu);
        }
        if (code < min || code == 0x7f || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
            return false;
    }
    return true;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return -1;
}

static bool unescape(struct sip_str text, char value[SC_DATA_VALUE_SIZE])
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];

        if (n == SC_DATA_VALUE_SIZE - 1)
            return false;
        if (c == '%') {
            int high = i + 2 < text.len ? hex(text.p[i + 1]) : -1;
            int low = i + 2 < text.len ? hex(text.p[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (!plain(c)) {
            return false;
        }
        value[n++] = c;
    }
    value[n] = '\0';
    return strlen(value) == n && value_fine(value);
}

bool data_next(struct sip_str *rest, char key[SC_DATA_KEY_SIZE], char value[SC_DATA_VALUE_SIZE])
{
    const char *end = rest->len > 0 ? memchr(rest->p, ';', rest->len) : NULL;
    struct sip_str pair = {rest->p, end != NULL ? (size_t)(end - rest->p) : rest->len};
    const char *equals = pair.len > 0 ? memchr(pair.p, '=', pair.len) : NULL;
    struct sip_str name;

    if (equals == NULL)
        return false;
    name = (struct sip_str){pair.p, (size_t)(equals - pair.p)};
    if (!key_fine(name) || !unescape((struct sip_str){equals + 1, pair.len - name.len - 1}, value))
        return false;
    memcpy(key, name.p, name.len);
    key[name.len] = '\0';
    rest->p += pair.len + (end != NULL ? 1 : 0);
    rest->len -= pair.len + (end != NULL ? 1 : 0);
    return true;
}

int data_put(char *text, size_t size, const char *key, const char *value)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = strlen(text), key_len = strlen(key);

    if (!key_fine((struct sip_str){key, key_len}) || !value_fine(value))
        return -EINVAL;
    if (n + key_len + 3 > size)
        return -ENOSPC;
    if (n > 0)
        text[n++] = ';';
    memcpy(text + n, key, key_len);
    n += key_len;
    text[n++] = '=';
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;

        if (n + 4 > size) {
            text[n] = '\0';
            return -ENOSPC;
        }
        if (plain(*value)) {
            text[n++] = *value;
        } else {
            text[n++] = '%';
            text[n++] = digits[c >> 4];
            text[n++] = digits[c & 15];
        }
    }
    text[n] = '\0';
    return 0;
}

/* The last value that TEXT gives KEY; false: none. */
static bool find(struct sip_str text, const char *key, char value[SC_DATA_VALUE_SIZE])
{
    char k[SC_DATA_KEY_SIZE], v[SC_DATA_VALUE_SIZE];
    bool found = false;

    while (data_next(&text, k, v))
        if (strcmp(k, key) == 0) {
            memcpy(value, v, sizeof(v));
            found = true;
        }
    return found;
}

static bool has(const char *text, const char *key)
{
    char ignored[SC_DATA_VALUE_SIZE];

    return find(sip_str_of(text), key, ignored);
}

/* Append to MERGED the pairs of FROM that are not there yet, each with what CHANGES say last. */
static int add(char *merged, struct sip_str from, struct sip_str changes,
               const struct data_limits *limits, uint32_t *pairs)
{
    char key[SC_DATA_KEY_SIZE], value[SC_DATA_VALUE_SIZE];
    int r = 0;

    while (r == 0 && data_next(&from, key, value)) {
        (void)find(changes, key, value);
        if (value[0] == '\0' || has(merged, key))
            continue;
        if (++*pairs > limits->pairs_max || strlen(key) > limits->key_max ||
            strlen(value) > limits->value_max)
            return -ENOSPC;
        r = data_put(merged, SC_DATA_SIZE, key, value);
    }
    return r;
}

int data_merge(char text[SC_DATA_SIZE], struct sip_str changes, const struct data_limits *limits)
{
    char key[SC_DATA_KEY_SIZE], value[SC_DATA_VALUE_SIZE], merged[SC_DATA_SIZE] = "";
    struct sip_str rest = changes;
    uint32_t pairs = 0;
    int r;

    while (data_next(&rest, key, value))
        ;
    if (rest.len > 0)
        return -EINVAL;
    r = add(merged, sip_str_of(text), changes, limits, &pairs);
    if (r == 0)
        r = add(merged, changes, changes, limits, &pairs);
    if (r == 0)
        memcpy(text, merged, sizeof(merged));
    return r;
}
