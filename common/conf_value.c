/* One value of the file checked against its field and written into the target. */
#include "common/conf_tree.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

void conf_fault(struct conf_applier *a, unsigned line, const char *format, ...)
{
    char text[CONF_TEXT_MAX];
    va_list args;

    assert(a->errors != NULL); /* a default outside its own range: see conf_schema_sound */
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    conf_error_at(a->errors, line, 0, a->path, "%s", text);
}

void conf_duration_text(uint64_t ms, char *text, size_t size)
{
    if (ms > 0 && ms % 3600000 == 0)
        snprintf(text, size, "%lluh", (unsigned long long)(ms / 3600000));
    else if (ms > 0 && ms % 60000 == 0)
        snprintf(text, size, "%llumin", (unsigned long long)(ms / 60000));
    else if (ms > 0 && ms % 1000 == 0)
        snprintf(text, size, "%llus", (unsigned long long)(ms / 1000));
    else
        snprintf(text, size, "%llums", (unsigned long long)ms);
}

/* The greatest value of F, from its own limit and the width of its member. */
static uint64_t greatest(const struct conf_field *f)
{
    uint64_t widest = f->size >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * f->size)) - 1;

    return f->max == 0 ? widest : f->max;
}

static void store_number(const struct conf_field *f, char *member, uint64_t value)
{
    uint8_t u8 = (uint8_t)value;
    uint16_t u16 = (uint16_t)value;
    uint32_t u32 = (uint32_t)value;

    if (f->size == 1)
        memcpy(member, &u8, 1);
    else if (f->size == 2)
        memcpy(member, &u16, 2);
    else if (f->size == 4)
        memcpy(member, &u32, 4);
    else
        memcpy(member, &value, 8);
}

/* number_of - the decimal digits at the head of TEXT; *RET_REST is what follows.  False: none, or
 * too large. */
static bool number_of(const char *text, uint64_t *ret_value, const char **ret_rest)
{
    uint64_t value = 0;
    const char *p = text;

    for (; *p >= '0' && *p <= '9'; p++) {
        if (value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(*p - '0');
    }
    *ret_value = value;
    *ret_rest = p;
    return p != text;
}

static void apply_number(struct conf_applier *a, const struct conf_node *node,
                         const struct conf_field *f, char *member)
{
    uint64_t value, min = f->min, max = greatest(f);
    const char *rest;

    if (f->type == CONF_PORT && f->max == 0)
        min = f->min > 0 ? f->min : 1;
    if (!number_of(node->text, &value, &rest) || *rest != '\0') {
        conf_fault(a, node->line, "'%s' is not a whole number; write %llu..%llu", node->text,
                   (unsigned long long)min, (unsigned long long)max);
    } else if (value < min || value > max) {
        conf_fault(a, node->line, "%s is %s; write %llu..%llu", node->text,
                   value < min ? "too small" : "too large", (unsigned long long)min,
                   (unsigned long long)max);
    } else {
        store_number(f, member, value);
    }
}

/* duration_of - TEXT in milliseconds.  Returns 0; -EINVAL; -EDOM a number without a unit. */
static int duration_of(const char *text, uint64_t *ret_ms)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
    uint64_t value;
    const char *rest;

    if (!number_of(text, &value, &rest))
        return -EINVAL;
    if (*rest == '\0' && value != 0)
        return -EDOM;
    if (*rest == '\0') {
        *ret_ms = 0;
        return 0;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(rest, units[i].name) == 0 && value <= UINT64_MAX / units[i].ms) {
            *ret_ms = value * units[i].ms;
            return 0;
        }
    }
    return -EINVAL;
}

static void apply_duration(struct conf_applier *a, const struct conf_node *node,
                           const struct conf_field *f, char *member)
{
    uint64_t ms = 0;
    char min[32], max[32];
    int r = duration_of(node->text, &ms);

    conf_duration_text(f->min, min, sizeof min);
    conf_duration_text(greatest(f), max, sizeof max);
    if (r == -EDOM)
        conf_fault(a, node->line, "'%s' has no unit; write %sms, %ss, %smin or %sh", node->text,
                   node->text, node->text, node->text, node->text);
    else if (r < 0)
        conf_fault(
            a, node->line,
            "'%s' is not a time; write a whole number and its unit, like 250ms, 5s, 2min or 1h",
            node->text);
    else if (ms < f->min || ms > greatest(f))
        conf_fault(a, node->line, "%s is too %s; write %s..%s", node->text,
                   ms < f->min ? "short" : "long", min, max);
    else
        store_number(f, member, ms);
}

static void apply_bool(struct conf_applier *a, const struct conf_node *node, char *member)
{
    bool value = strcmp(node->text, "true") == 0;

    if (!value && strcmp(node->text, "false") != 0)
        conf_fault(a, node->line, "'%s' is neither true nor false; write true or false",
                   node->text);
    else
        memcpy(member, &value, sizeof value);
}

/* choice_of - the place of TEXT among the words of CHOICES, or -1. */
static int choice_of(const char *choices, const char *text)
{
    size_t length = strlen(text);

    for (int place = 0; *choices != '\0'; place++) {
        size_t word = strcspn(choices, " ");
        if (word == length && memcmp(choices, text, word) == 0)
            return place;
        choices += word;
        choices += strspn(choices, " ");
    }
    return -1;
}

/* choices_text - "a, b or c" from "a b c". */
static void choices_text(const char *choices, char *text, size_t size)
{
    size_t n = 0;

    text[0] = '\0';
    while (*choices != '\0' && n < size) {
        size_t word = strcspn(choices, " ");
        const char *after = choices + word + strspn(choices + word, " ");
        bool last = *after == '\0', next_last = !last && strchr(after, ' ') == NULL;
        n += (size_t)snprintf(text + n, size - n, "%.*s%s", (int)word, choices,
                              last        ? ""
                              : next_last ? " or "
                                          : ", ");
        choices = after;
    }
}

static void apply_enum(struct conf_applier *a, const struct conf_node *node,
                       const struct conf_field *f, char *member)
{
    int place = choice_of(f->choices, node->text);
    char choices[200];

    choices_text(f->choices, choices, sizeof choices);
    if (place < 0)
        conf_fault(a, node->line, "'%s' is not a choice; write %s", node->text, choices);
    else
        memcpy(member, &place, sizeof place);
}

static void apply_address(struct conf_applier *a, const struct conf_node *node, char *member)
{
    unsigned char binary[16];
    int family = strchr(node->text, ':') != NULL ? AF_INET6 : AF_INET;

    if (inet_pton(family, node->text, binary) != 1)
        conf_fault(a, node->line,
                   "'%s' is not an IPv4 or IPv6 address; write one like 192.0.2.1 or 2001:db8::1",
                   node->text);
    else
        inet_ntop(family, binary, member, CONF_ADDRESS_SIZE);
}

/* allowed - C is in SET, where "a-z" is a range, and a '-' at the end stands for itself. */
static bool allowed(const char *set, char c)
{
    for (; *set != '\0'; set++) {
        if (set[1] == '-' && set[2] != '\0') {
            if (c >= set[0] && c <= set[2])
                return true;
            set += 2;
        } else if (*set == c) {
            return true;
        }
    }
    return false;
}

void conf_apply_text(struct conf_applier *a, unsigned line, const char *text,
                     const struct conf_field *f, uint64_t least, uint64_t most, char *member)
{
    size_t length = strlen(text);

    if (most == 0 || most > f->size - 1)
        most = f->size - 1;
    if (length > most) {
        conf_fault(a, line, "'%.40s%s' has %zu bytes, %llu is the most; shorten it", text,
                   length > 40 ? "..." : "", length, (unsigned long long)most);
        return;
    }
    if (length < least) {
        conf_fault(a, line, "'%s' has %zu bytes, %llu is the least; lengthen it", text, length,
                   (unsigned long long)least);
        return;
    }
    for (const char *p = text; f->choices != NULL && *p != '\0'; p++) {
        if (!allowed(f->choices, *p)) {
            conf_fault(a, line, "'%s' has a '%c' in it; only %s may be used", text, *p, f->choices);
            return;
        }
    }
    memcpy(member, text, length + 1);
}

void conf_apply_scalar(struct conf_applier *a, const struct conf_node *node,
                       const struct conf_field *f, char *member)
{
    if (node->kind != CONF_NODE_SCALAR) {
        conf_fault(a, node->line, "is a %s, but one value is wanted; write '%s: value'",
                   node->kind == CONF_NODE_LIST ? "list" : "group of fields", f->name);
        return;
    }
    if (node->empty) {
        conf_fault(a, node->line, "has no value; give it one or remove the line");
        return;
    }
    if (f->type == CONF_TEXT)
        conf_apply_text(a, node->line, node->text, f, f->min, f->max, member);
    else if (f->type == CONF_UINT || f->type == CONF_PORT)
        apply_number(a, node, f, member);
    else if (f->type == CONF_BOOL)
        apply_bool(a, node, member);
    else if (f->type == CONF_DURATION)
        apply_duration(a, node, f, member);
    else if (f->type == CONF_ENUM)
        apply_enum(a, node, f, member);
    else
        apply_address(a, node, member);
}
