#include "common/conf_tree.h"

#include <assert.h>
#include <errno.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Reading state: the parser, the event in hand, and whether something was wrong. */
struct reader {
    struct fy_parser *parser;
    struct fy_event *event;
    struct conf_errors *errors;
    char path[CONF_PATH_MAX]; /* of the value in hand */
};

static struct conf_node *read_value(struct reader *r, unsigned depth);

static unsigned event_line(struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);

    return mark != NULL ? (unsigned)mark->line + 1 : 0;
}

/* advance - the next event into r->event; false at a syntax error (reported later, from the
 * diagnostics). */
static bool advance(struct reader *r)
{
    if (r->event != NULL)
        fy_parser_event_free(r->parser, r->event);
    r->event = fy_parser_parse(r->parser);
    return r->event != NULL;
}

static struct conf_node *node_new(enum conf_kind kind, unsigned line)
{
    struct conf_node *n = calloc(1, sizeof *n);

    if (n == NULL)
        abort(); /* out of memory ends the process */
    n->kind = kind;
    n->line = line;
    return n;
}

static void node_free(struct conf_node *n)
{
    while (n != NULL) {
        struct conf_node *next = n->next;
        node_free(n->first);
        free(n->items);
        free(n->key);
        free(n->text);
        free(n);
        n = next;
    }
}

static void node_append(struct conf_node *parent, struct conf_node *child)
{
    if (parent->last != NULL)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

struct conf_node *conf_child(const struct conf_node *parent, const char *key)
{
    for (struct conf_node *n = parent->first; n != NULL; n = n->next) {
        if (n->key != NULL && strcmp(n->key, key) == 0)
            return n;
    }
    return NULL;
}

/* control_in - the first control character of TEXT (LENGTH bytes), or -1.  They end up in SIP
 * headers, logs and on terminals, where they mean something else than what the file shows. */
static int control_in(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f)
            return c;
    }
    return -1;
}

/* scalar_text - a copy of the scalar event's text, or NULL when it has a control character in it
 * (reported). */
static char *scalar_text(struct reader *r)
{
    size_t length = 0;
    const char *text = fy_token_get_text(r->event->scalar.value, &length);
    char *copy;
    int control;

    if (text == NULL)
        length = 0;
    control = control_in(text, length);
    if (control >= 0) {
        conf_error_at(r->errors, event_line(r->event), 0, r->path,
                      "has the control character 0x%02x in it; write one line without it",
                      (unsigned)control);
        return NULL;
    }
    copy = strndup(length > 0 ? text : "", length);
    if (copy == NULL)
        abort();
    return copy;
}

/* plain - refuse what would make a file mean something else than it shows. */
static bool plain(struct reader *r, const struct fy_token *anchor, const struct fy_token *tag)
{
    if (anchor == NULL && tag == NULL)
        return true;
    conf_error_at(r->errors, event_line(r->event), 0, NULL,
                  "%s is not allowed here; write the value itself",
                  anchor != NULL ? "an anchor (&name)" : "a tag (!name)");
    return false;
}

static struct conf_node *read_scalar(struct reader *r)
{
    struct conf_node *n;
    char *text;

    if (!plain(r, r->event->scalar.anchor, r->event->scalar.tag))
        return NULL;
    text = scalar_text(r);
    if (text == NULL)
        return NULL;
    n = node_new(CONF_NODE_SCALAR, event_line(r->event));
    n->text = text;
    n->empty = text[0] == '\0' && (r->event->scalar.value == NULL ||
                                   fy_token_scalar_style(r->event->scalar.value) == FYSS_PLAIN);
    return n;
}

/* list_index - so that an item is found by its place at once: a file may hold thousands. */
static void list_index(struct conf_node *list)
{
    unsigned n = 0;

    list->items = calloc(list->count + 1, sizeof(struct conf_node *));
    if (list->items == NULL)
        abort();
    for (struct conf_node *c = list->first; c != NULL; c = c->next)
        list->items[n++] = c;
}

static struct conf_node *read_list(struct reader *r, unsigned depth)
{
    struct conf_node *list = node_new(CONF_NODE_LIST, event_line(r->event));

    if (!plain(r, r->event->sequence_start.anchor, r->event->sequence_start.tag))
        goto fail;
    for (;;) {
        struct conf_node *item;
        size_t before;
        if (!advance(r))
            goto fail;
        if (r->event->type == FYET_SEQUENCE_END) {
            list_index(list);
            return list;
        }
        before = conf_path_enter(r->path, NULL, list->count);
        item = read_value(r, depth + 1);
        r->path[before] = '\0';
        if (item == NULL)
            goto fail;
        node_append(list, item);
    }
fail:
    node_free(list);
    return NULL;
}

/* read_member - the key in hand and its value, appended to OBJECT. */
static bool read_member(struct reader *r, struct conf_node *object, unsigned depth)
{
    unsigned line = event_line(r->event);
    struct conf_node *value;
    size_t before;
    char *key;

    if (r->event->type != FYET_SCALAR) {
        conf_error_at(r->errors, line, 0, NULL,
                      "a list or group stands where a field's name is wanted; write 'name: value'");
        return false;
    }
    if (!plain(r, r->event->scalar.anchor, r->event->scalar.tag))
        return false;
    key = scalar_text(r);
    if (key == NULL)
        return false;
    before = conf_path_enter(r->path, key, 0);
    value = advance(r) ? read_value(r, depth + 1) : NULL;
    r->path[before] = '\0';
    if (value == NULL) {
        free(key);
        return false;
    }
    value->line = line;
    value->key = key;
    node_append(object, value);
    return true;
}

static int by_key_and_line(const void *a, const void *b)
{
    const struct conf_node *x = *(struct conf_node *const *)a, *y = *(struct conf_node *const *)b;
    int order = strcmp(x->key, y->key);

    return order != 0 ? order : x->line < y->line ? -1 : x->line > y->line;
}

/* report_twins - every key of OBJECT that is there twice.  Sorted first, as a file may hold
 * thousands. */
static void report_twins(struct reader *r, const struct conf_node *object)
{
    struct conf_node **sorted = calloc(object->count + 1, sizeof *sorted);
    unsigned n = 0;

    if (sorted == NULL)
        abort();
    for (struct conf_node *c = object->first; c != NULL; c = c->next)
        sorted[n++] = c;
    qsort(sorted, n, sizeof sorted[0], by_key_and_line);
    for (unsigned i = 1; i < n; i++) {
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
            conf_error_at(r->errors, sorted[i]->line, 0, NULL,
                          "field '%s%s%s': is there twice, first in line %u; remove one of them",
                          r->path, r->path[0] != '\0' ? "." : "", sorted[i]->key,
                          sorted[i - 1]->line);
    }
    free(sorted);
}

static struct conf_node *read_object(struct reader *r, unsigned depth)
{
    struct conf_node *object = node_new(CONF_NODE_OBJECT, event_line(r->event));

    if (!plain(r, r->event->mapping_start.anchor, r->event->mapping_start.tag))
        goto fail;
    for (;;) {
        if (!advance(r))
            goto fail;
        if (r->event->type == FYET_MAPPING_END) {
            report_twins(r, object);
            return object;
        }
        if (!read_member(r, object, depth))
            goto fail;
    }
fail:
    node_free(object);
    return NULL;
}

/* read_value - the value that the event in hand begins; NULL when it is wrong (already reported, or
 * syntax). */
static struct conf_node *read_value(struct reader *r, unsigned depth)
{
    if (depth > CONF_DEPTH_MAX) {
        conf_error_at(r->errors, event_line(r->event), 0, NULL,
                      "more than %d levels deep; flatten it", CONF_DEPTH_MAX);
        return NULL;
    }
    if (r->event->type == FYET_SCALAR)
        return read_scalar(r);
    if (r->event->type == FYET_SEQUENCE_START)
        return read_list(r, depth);
    if (r->event->type == FYET_MAPPING_START)
        return read_object(r, depth);
    conf_error_at(r->errors, event_line(r->event), 0, NULL,
                  "an alias (*name) is not allowed here; write the value itself");
    return NULL;
}

/* read_document - the only document of the stream; NULL when there is none or it is wrong. */
static struct conf_node *read_document(struct reader *r)
{
    struct conf_node *root = NULL;

    while (advance(r) && r->event->type != FYET_STREAM_END) {
        if (r->event->type == FYET_STREAM_START || r->event->type == FYET_DOCUMENT_END)
            continue;
        if (root != NULL) {
            conf_error_at(r->errors, event_line(r->event), 0, NULL,
                          "a second document begins ('---'); keep one per file");
            break;
        }
        if (!advance(r)) /* over the document's start */
            break;
        root = read_value(r, 0);
        if (root == NULL)
            break;
    }
    if (r->event != NULL)
        fy_parser_event_free(r->parser, r->event);
    r->event = NULL;
    return root;
}

/* report_syntax - what libfyaml found wrong; only the first, as the rest usually follows from it.
 */
static void report_syntax(struct fy_diag *diag, struct conf_errors *errors)
{
    void *iterator = NULL;
    struct fy_diag_error *e = fy_diag_errors_iterate(diag, &iterator);

    if (e != NULL)
        conf_error_at(
            errors, e->line > 0 ? (unsigned)e->line : 0, e->column > 0 ? (unsigned)e->column : 0,
            NULL, "not YAML: %s; look at the indentation, the colons and the quotes before here",
            e->msg);
    else
        conf_error_at(errors, 0, 0, NULL, "not YAML; look at indentation, colons and quotes");
}

static void check_root(struct conf_node **root, struct conf_errors *errors)
{
    bool empty = *root == NULL || ((*root)->kind == CONF_NODE_SCALAR && (*root)->empty);

    if (!empty && (*root)->kind == CONF_NODE_OBJECT)
        return;
    if (errors->total == 0)
        conf_error_at(errors, empty ? 0 : (*root)->line, 0, NULL, "%s; write 'name: value' lines",
                      empty ? "nothing is in it" : "it is not a group of fields");
    node_free(*root);
    *root = NULL;
}

size_t conf_path_enter(char path[CONF_PATH_MAX], const char *name, unsigned index)
{
    size_t before = strlen(path), room = CONF_PATH_MAX - before;

    if (name == NULL)
        snprintf(path + before, room, "[%u]", index);
    else
        snprintf(path + before, room, "%s%s", before > 0 ? "." : "", name);
    return before;
}

/* utf8_length - bytes of the character that TEXT (LENGTH bytes, at least one) begins with; 0 when
 * it is none (RFC 3629 section 4: no overlong form, no surrogate, nothing above U+10FFFF). */
static size_t utf8_length(const unsigned char *text, size_t length)
{
    static const struct {
        unsigned char first, last, second_least, second_most, bytes;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};

    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        if (text[0] < forms[f].first || text[0] > forms[f].last)
            continue;
        if (forms[f].bytes > length)
            return 0;
        if (forms[f].bytes > 1 &&
            (text[1] < forms[f].second_least || text[1] > forms[f].second_most))
            return 0;
        for (size_t i = 2; i < forms[f].bytes; i++) {
            if ((text[i] & 0xc0) != 0x80)
                return 0;
        }
        return forms[f].bytes;
    }
    return 0;
}

/* check_bytes - is all of TEXT UTF-8 without a NUL?  The YAML reader would take either for the end
 * of the file, and what follows would be missing without a word. */
static bool check_bytes(const char *text, size_t length, struct conf_errors *errors)
{
    unsigned line = 1;
    size_t n;

    for (size_t i = 0; i < length; i += n) {
        n = utf8_length((const unsigned char *)text + i, length - i);
        if (n == 0 && text[i] == '\0')
            conf_error_at(errors, line, 0, NULL,
                          "a NUL byte; remove it, and see whether the file is whole");
        else if (n == 0)
            conf_error_at(errors, line, 0, NULL,
                          "the byte 0x%02x is not UTF-8; save the file as UTF-8",
                          (unsigned)(unsigned char)text[i]);
        if (n == 0)
            return false;
        line += text[i] == '\n';
    }
    return true;
}

int conf_tree_parse(const char *file, const char *text, size_t length, struct conf_tree **ret_tree,
                    struct conf_errors *errors)
{
    const struct fy_diag_cfg diag_conf = {.level = FYET_ERROR, .module_mask = ~0u};
    struct fy_diag *diag = fy_diag_create(&diag_conf);
    const struct fy_parse_cfg parse_conf = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2, .diag = diag};
    struct reader r = {.parser = fy_parser_create(&parse_conf), .errors = errors};
    unsigned errors_before = errors->total;
    struct conf_node *root = NULL;
    struct conf_tree *tree;

    if (diag == NULL || r.parser == NULL)
        abort();
    fy_diag_set_collect_errors(diag, true);
    if (check_bytes(text, length, errors) && fy_parser_set_string(r.parser, text, length) == 0)
        root = read_document(&r);
    if (fy_diag_got_error(diag))
        report_syntax(diag, errors);
    fy_parser_destroy(r.parser);
    fy_diag_destroy(diag);
    check_root(&root, errors);
    if (errors->total != errors_before) {
        node_free(root);
        return -EINVAL;
    }
    tree = calloc(1, sizeof *tree);
    if (tree == NULL)
        abort();
    snprintf(tree->file, sizeof tree->file, "%s", file);
    tree->root = root;
    *ret_tree = tree;
    return 0;
}

void conf_tree_destroy(struct conf_tree **tree)
{
    if (*tree == NULL)
        return;
    node_free((*tree)->root);
    free(*tree);
    *tree = NULL;
}

/* step_into - the child of N that the head of *PATH names ("[2]", or a key as long as possible),
 * *PATH moved on. */
static const struct conf_node *step_into(const struct conf_node *n, const char **path)
{
    const struct conf_node *best = NULL;
    size_t best_length = 0;

    if (**path == '[') {
        char *end;
        unsigned long index = strtoul(*path + 1, &end, 10);
        if (n->kind != CONF_NODE_LIST || *end != ']')
            return NULL;
        *path = end + 1;
        return index < n->count ? n->items[index] : NULL;
    }
    if (**path == '.')
        (*path)++;
    for (const struct conf_node *c = n->kind == CONF_NODE_OBJECT ? n->first : NULL; c != NULL;
         c = c->next) {
        size_t length = strlen(c->key);
        bool head = strncmp(*path, c->key, length) == 0 &&
                    ((*path)[length] == '\0' || strchr(".[", (*path)[length]) != NULL);
        if (head && (best == NULL || length > best_length)) {
            best = c;
            best_length = length;
        }
    }
    *path += best_length;
    return best;
}

/* find - the node at PATH; the nearest parent goes to *RET_NEAREST. */
static const struct conf_node *find(const struct conf_tree *tree, const char *path,
                                    const struct conf_node **ret_nearest)
{
    const struct conf_node *n = tree->root;

    while (n != NULL && *path != '\0') {
        *ret_nearest = n;
        n = step_into(n, &path);
    }
    if (n != NULL)
        *ret_nearest = n;
    return n;
}

unsigned conf_line(const struct conf_tree *tree, const char *path)
{
    const struct conf_node *nearest = NULL, *n = find(tree, path, &nearest);

    return n != NULL ? n->line : 0;
}

bool conf_given(const struct conf_tree *tree, const char *path)
{
    const struct conf_node *nearest = NULL;

    return find(tree, path, &nearest) != NULL;
}

void conf_errors_init(struct conf_errors *errors, const char *file)
{
    errors->count = errors->total = 0;
    snprintf(errors->file, sizeof errors->file, "%s", file);
}

static void add_error(struct conf_errors *errors, unsigned line, unsigned column, const char *path,
                      const char *format, va_list args)
{
    struct conf_error *e;
    size_t n = 0;

    errors->total++;
    if (errors->count == CONF_ERRORS_MAX)
        return;
    e = &errors->list[errors->count++];
    e->line = line;
    e->column = column;
    e->text[0] = '\0';
    if (path != NULL && path[0] != '\0')
        snprintf(e->text, sizeof e->text, "field '%s': ", path);
    n = strlen(e->text);
    vsnprintf(e->text + n, sizeof e->text - n, format, args);
}

void conf_error_at(struct conf_errors *errors, unsigned line, unsigned column, const char *path,
                   const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_error(errors, line, column, path, format, args);
    va_end(args);
}

void conf_error_add(struct conf_errors *errors, const struct conf_tree *tree, const char *path,
                    const char *format, ...)
{
    const struct conf_node *nearest = NULL;
    va_list args;

    if (path != NULL && tree != NULL)
        (void)find(tree, path, &nearest);
    va_start(args, format);
    add_error(errors, nearest != NULL ? nearest->line : 0, 0, path, format, args);
    va_end(args);
}

void conf_errors_line(const struct conf_errors *errors, unsigned i, char *text, size_t size)
{
    const struct conf_error *e = &errors->list[i];

    assert(i < errors->count);
    if (e->line == 0)
        snprintf(text, size, "%s: %s", errors->file, e->text);
    else if (e->column == 0)
        snprintf(text, size, "%s:%u: %s", errors->file, e->line, e->text);
    else
        snprintf(text, size, "%s:%u:%u: %s", errors->file, e->line, e->column, e->text);
}

static int by_line(const void *a, const void *b)
{
    const struct conf_error *x = a, *y = b;

    return x->line != y->line ? (x->line < y->line ? -1 : 1) : 0;
}

void conf_errors_print(struct conf_errors *errors, FILE *out)
{
    char text[sizeof errors->file + CONF_TEXT_MAX + 32];

    qsort(errors->list, errors->count, sizeof errors->list[0], by_line);
    for (unsigned i = 0; i < errors->count; i++) {
        conf_errors_line(errors, i, text, sizeof text);
        fprintf(out, "%s\n", text);
    }
    if (errors->total > errors->count)
        fprintf(out, "%s: and %u more\n", errors->file, errors->total - errors->count);
}
