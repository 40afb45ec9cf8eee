#include "common/conf_tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (64u << 20)

static void apply_object(struct conf_applier *a, const struct conf_node *node,
                         const struct conf_field *schema, char *target);
static void apply_value(struct conf_applier *a, const struct conf_node *node,
                        const struct conf_field *f, char *target);

/* list_memory - where the items go: the target's array, or a new one that the target points to. */
static char *list_memory(const struct conf_field *f, char *target, unsigned count)
{
    char *items = target + f->offset;
    uint32_t number = count;

    assert(f->allocated || f->max > 0);
    if (f->allocated) {
        items = count > 0 ? calloc(count, f->size) : NULL;
        if (items == NULL && count > 0)
            abort();
        memcpy(target + f->offset, &items, sizeof items);
    }
    memcpy(target + f->count_offset, &number, sizeof number);
    return items;
}

static void apply_item(struct conf_applier *a, const struct conf_node *item,
                       const struct conf_field *f, char *memory)
{
    if (f->type == CONF_TEXTS) {
        if (item->kind != CONF_NODE_SCALAR || item->empty)
            conf_fault(a, item->line, "is not a single value; write [a, b] or one '- a' a line");
        else
            conf_apply_text(a, item->line, item->text, f, 1, 0, memory);
        return;
    }
    if (item->kind != CONF_NODE_OBJECT) {
        conf_fault(a, item->line, "is not a group of fields; write 'name: value' lines");
        return;
    }
    for (const struct conf_field *key = f->fields; f->type == CONF_MAP && key->name != NULL;
         key++) {
        if (key->type == CONF_KEY)
            conf_apply_text(a, item->line, item->key, key, key->min > 0 ? key->min : 1, key->max,
                            memory + key->offset);
    }
    apply_object(a, item, f->fields, memory);
}

static void apply_list(struct conf_applier *a, const struct conf_node *node,
                       const struct conf_field *f, char *target)
{
    enum conf_kind wanted = f->type == CONF_MAP ? CONF_NODE_OBJECT : CONF_NODE_LIST;
    const struct conf_node *item = node->first;
    unsigned index = 0;
    char *items;

    if (node->kind != wanted) {
        conf_fault(a, node->line, "is not a %s; write %s", f->type == CONF_MAP ? "group" : "list",
                   f->type == CONF_MAP     ? "'key: {name: value, ...}', one a line"
                   : f->type == CONF_TEXTS ? "[a, b] or one '- a' a line"
                                           : "one '- name: value' group a line");
        return;
    }
    if ((f->max != 0 && node->count > f->max) || node->count < f->min) {
        bool more = node->count >= f->min;
        conf_fault(a, node->line, "has %u items, %llu is the %s; %s", node->count,
                   (unsigned long long)(more ? f->max : f->min), more ? "most" : "least",
                   more ? "take some away" : "add the others");
        return;
    }
    items = list_memory(f, target, node->count);
    for (; item != NULL; item = item->next, index++) {
        size_t before = conf_path_enter(a->path, item->key, index);
        apply_item(a, item, f, items + index * f->size);
        a->path[before] = '\0';
    }
}

static bool is_list(const struct conf_field *f)
{
    return f->type == CONF_TEXTS || f->type == CONF_OBJECTS || f->type == CONF_MAP;
}

static void apply_value(struct conf_applier *a, const struct conf_node *node,
                        const struct conf_field *f, char *target)
{
    if (is_list(f)) {
        apply_list(a, node, f, target);
    } else if (f->type == CONF_OBJECT && node->kind != CONF_NODE_OBJECT) {
        conf_fault(a, node->line, "is not a group of fields; write 'name: value' lines");
    } else if (f->type == CONF_OBJECT) {
        apply_object(a, node, f->fields, target + f->offset);
    } else {
        conf_apply_scalar(a, node, f, target + f->offset);
    }
}

/* apply_default - what the field is when the file does not name it; PARENT is NULL when that is
 * missing too. */
static void apply_default(struct conf_applier *a, const struct conf_node *parent,
                          const struct conf_field *f, char *target)
{
    if (f->required && parent != NULL) {
        conf_fault(a, parent->line, "is missing; add it: %s", f->doc);
    } else if (f->type == CONF_OBJECT) {
        apply_object(a, NULL, f->fields, target + f->offset);
    } else if (f->fallback != NULL) {
        const struct conf_node written = {.kind = CONF_NODE_SCALAR, .text = (char *)f->fallback};
        struct conf_applier silent = {.errors = NULL};
        conf_apply_scalar(&silent, &written, f, target + f->offset);
    }
}

static unsigned least3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

/* edit_distance - how many letters must be changed, put in or left out to make B from A
 * (Levenshtein). */
static unsigned edit_distance(const char *a, const char *b)
{
    unsigned row[64];
    size_t length = strlen(b);

    if (length >= sizeof row / sizeof row[0] || strlen(a) >= sizeof row / sizeof row[0])
        return UINT32_MAX;
    for (unsigned j = 0; j <= length; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            unsigned above = row[j];
            row[j] = least3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[length];
}

static void fault_unknown(struct conf_applier *a, const struct conf_node *node,
                          const struct conf_field *schema)
{
    const struct conf_field *nearest = NULL;
    unsigned best = 0;
    char names[CONF_TEXT_MAX / 2] = "";
    size_t n = 0;

    for (const struct conf_field *f = schema; f->name != NULL; f++) {
        unsigned distance = edit_distance(node->key, f->name);
        if (f->type == CONF_KEY)
            continue;
        if (nearest == NULL || distance < best) {
            nearest = f;
            best = distance;
        }
        if (n < sizeof names)
            n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", n > 0 ? ", " : "", f->name);
    }
    if (nearest != NULL && best <= strlen(nearest->name) / 3 + 1)
        conf_fault(a, node->line, "is unknown; did you mean '%s'?", nearest->name);
    else
        conf_fault(a, node->line, "is unknown; the fields here are %s", names);
}

/* apply_object - NODE's fields into TARGET; NODE is NULL for an object that the file leaves out. */
static void apply_object(struct conf_applier *a, const struct conf_node *node,
                         const struct conf_field *schema, char *target)
{
    for (const struct conf_node *c = node != NULL ? node->first : NULL; c != NULL; c = c->next) {
        const struct conf_field *f = schema;
        size_t before = conf_path_enter(a->path, c->key, 0);
        while (f->name != NULL && (f->type == CONF_KEY || strcmp(f->name, c->key) != 0))
            f++;
        if (f->name == NULL)
            fault_unknown(a, c, schema);
        a->path[before] = '\0';
    }
    for (const struct conf_field *f = schema; f->name != NULL; f++) {
        const struct conf_node *c = node != NULL ? conf_child(node, f->name) : NULL;
        size_t before = conf_path_enter(a->path, f->name, 0);
        if (f->type == CONF_KEY)
            ; /* written by apply_item */
        else if (c != NULL)
            apply_value(a, c, f, target);
        else
            apply_default(a, node, f, target);
        a->path[before] = '\0';
    }
}

int conf_apply(const struct conf_tree *tree, const struct conf_field *schema, void *target,
               size_t size, struct conf_errors *errors)
{
    struct conf_applier a = {.errors = errors, .path = ""};
    unsigned before = errors->total;

    memset(target, 0, size);
    apply_object(&a, tree->root, schema, target);
    if (errors->total == before)
        return 0;
    conf_free(schema, target);
    return -EINVAL;
}

void conf_free(const struct conf_field *schema, void *target)
{
    for (const struct conf_field *f = schema; f->name != NULL; f++) {
        char *member = (char *)target + f->offset, *items = member;
        uint32_t count = 0;
        if (f->type == CONF_OBJECT)
            conf_free(f->fields, member);
        if (!is_list(f))
            continue;
        memcpy(&count, (char *)target + f->count_offset, sizeof count);
        if (f->allocated)
            memcpy(&items, member, sizeof items);
        for (uint32_t i = 0; f->type != CONF_TEXTS && i < count; i++)
            conf_free(f->fields, items + i * f->size);
        if (f->allocated) {
            free(items);
            items = NULL;
            memcpy(member, &items, sizeof items);
        }
        memset((char *)target + f->count_offset, 0, sizeof count);
    }
}

/* apply - SCHEMA to *TREE, which is destroyed or handed out. */
static int apply(struct conf_tree **tree, const struct conf_field *schema, void *target,
                 size_t size, struct conf_tree **ret_tree, struct conf_errors *errors)
{
    int r = conf_apply(*tree, schema, target, size, errors);

    if (r == 0 && ret_tree != NULL)
        *ret_tree = *tree;
    else
        conf_tree_destroy(tree);
    return r;
}

int conf_read_text(const char *file, const char *text, size_t length,
                   const struct conf_field *schema, void *target, size_t size,
                   struct conf_tree **ret_tree, struct conf_errors *errors)
{
    struct conf_tree *tree = NULL;
    int r = conf_tree_parse(file, text, length, &tree, errors);

    return r < 0 ? r : apply(&tree, schema, target, size, ret_tree, errors);
}

/* load - the whole file, NUL-terminated, in *RET_TEXT, which the caller frees. */
static int load(const char *path, char **ret_text, size_t *ret_length)
{
    FILE *f = fopen(path, "rbe");
    char *text = NULL;
    size_t length = 0, room = 0;
    int r = 0;

    if (f == NULL)
        return -errno;
    errno = 0;
    while (!feof(f) && !ferror(f) && length <= FILE_BYTES_MAX) {
        if (room - length < 2) {
            room = room == 0 ? 8192 : room * 2;
            text = realloc(text, room);
            if (text == NULL)
                abort();
        }
        length += fread(text + length, 1, room - length - 1, f);
    }
    if (ferror(f))
        r = errno != 0 ? -errno : -EIO;
    else if (length > FILE_BYTES_MAX)
        r = -EFBIG;
    if (fclose(f) != 0 && r == 0)
        r = -errno;
    if (r < 0) {
        free(text);
        return r;
    }
    text[length] = '\0';
    *ret_text = text;
    *ret_length = length;
    return 0;
}

int conf_tree_read(const char *path, struct conf_tree **ret_tree, struct conf_errors *errors)
{
    char *text = NULL;
    size_t length = 0;
    int r = load(path, &text, &length);

    conf_errors_init(errors, path);
    if (r < 0) {
        conf_error_at(errors, 0, 0, NULL, "cannot be read: %s; check the name and the permissions",
                      strerror(-r));
        return -EINVAL;
    }
    r = conf_tree_parse(path, text, length, ret_tree, errors);
    free(text);
    return r;
}

int conf_read(const char *path, const struct conf_field *schema, void *target, size_t size,
              struct conf_tree **ret_tree, struct conf_errors *errors)
{
    struct conf_tree *tree = NULL;
    int r = conf_tree_read(path, &tree, errors);

    return r < 0 ? r : apply(&tree, schema, target, size, ret_tree, errors);
}

/* default_fault - what is wrong with the default of F, into FAULT; false when nothing is. */
static bool default_fault(const struct conf_field *f, char *text, size_t size)
{
    struct conf_errors errors;
    struct conf_applier a = {.errors = &errors};
    const struct conf_node written = {.kind = CONF_NODE_SCALAR, .text = (char *)f->fallback};
    char *member;

    if (f->fallback == NULL)
        return false;
    conf_errors_init(&errors, "");
    member = calloc(1, f->size + CONF_ADDRESS_SIZE);
    if (member == NULL)
        abort();
    conf_apply_scalar(&a, &written, f, member);
    free(member);
    if (errors.total > 0)
        snprintf(text, size, "%s: default: %s", f->name, errors.list[0].text);
    return errors.total > 0;
}

/* size_fits - the member has the size that the type wants. */
static bool size_fits(const struct conf_field *f)
{
    switch (f->type) {
    case CONF_TEXT:
    case CONF_KEY:
    case CONF_TEXTS: return f->size >= 2;
    case CONF_UINT: return f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8;
    case CONF_BOOL: return f->size == sizeof(bool);
    case CONF_DURATION: return f->size == 4 || f->size == 8;
    case CONF_ENUM: return f->size == sizeof(int) && f->choices != NULL;
    case CONF_ADDRESS: return f->size == CONF_ADDRESS_SIZE;
    case CONF_PORT: return f->size == 2;
    case CONF_OBJECT:
    case CONF_OBJECTS:
    case CONF_MAP: return f->size > 0 && f->fields != NULL;
    }
    return false;
}

bool conf_schema_sound(const struct conf_field *schema, char *text, size_t size)
{
    for (const struct conf_field *f = schema; f->name != NULL; f++) {
        const char *wrong = NULL;
        if (f->doc == NULL || f->doc[0] == '\0')
            wrong = "has no sentence";
        else if (!size_fits(f))
            wrong = "does not fit its member";
        else if (is_list(f) && !f->allocated && f->max == 0)
            wrong = "is an array without a maximum";
        else if ((is_list(f) || f->type == CONF_OBJECT || f->required) && f->fallback != NULL)
            wrong = "cannot have a default";
        if (wrong != NULL) {
            snprintf(text, size, "%s: %s", f->name, wrong);
            return false;
        }
        if (default_fault(f, text, size))
            return false;
        if (f->fields != NULL && !conf_schema_sound(f->fields, text, size))
            return false;
    }
    return true;
}
