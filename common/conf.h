/* conf - YAML files read by a schema: every field has a type, a range, a default and one sentence.
 *
 * Reading is all or nothing.  Whatever is wrong is collected, each with file, line, field and the
 * mend:
 *
 *     standfast.yaml:12: field 'timeouts.lease-ttl': 50ms is below the least, 200ms; write
 * 200ms..60s
 *
 * A schema is an array of fields ended by one without a name; fields of type OBJECT, OBJECTS and
 * MAP have a schema of their own.  The caller looks at what a schema cannot say (one field against
 * another) after conf_apply and adds its own errors with the line that conf_line finds for a path.
 *
 * YAML is taken plainly: one document, scalars are texts until the schema gives them a type,
 * anchors, aliases and tags are refused, and so is a key that is there twice.
 *
 * Owns:   a tree owns its nodes; conf_apply copies everything into the target.
 * Errors: 0 or a negative errno; -EINVAL means "look into struct conf_errors".
 */
#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONF_ERRORS_MAX   32  /* kept; further ones are only counted */
#define CONF_TEXT_MAX     320 /* bytes of one error's text */
#define CONF_PATH_MAX     160 /* bytes of a field's path */
#define CONF_DEPTH_MAX    16  /* nested collections */
#define CONF_ADDRESS_SIZE 46  /* INET6_ADDRSTRLEN */

struct conf_error {
    unsigned line;   /* 1 is the first; 0: the file as a whole */
    unsigned column; /* 0: none */
    char text[CONF_TEXT_MAX];
};

struct conf_errors {
    char file[256];
    unsigned count; /* in list */
    unsigned total;
    struct conf_error list[CONF_ERRORS_MAX];
};

/*                     in the file                        in the target
 *   CONF_TEXT         abc, "a b"                         char[size], NUL-terminated
 *   CONF_KEY          the key of a MAP's item            char[size]; only in the schema of a MAP
 *   CONF_UINT         42                                 uint8_t .. uint64_t, as size says
 *   CONF_BOOL         true, false                        bool
 *   CONF_DURATION     250ms, 5s, 2min, 1h (0 too)        milliseconds, uint32_t or uint64_t
 *   CONF_ENUM         one of choices                     int: its place in choices, from 0
 *   CONF_ADDRESS      192.0.2.1, 2001:db8::1             char[CONF_ADDRESS_SIZE], as inet_ntop
 * writes it CONF_PORT         1..65535                           uint16_t CONF_TEXTS        [a, b]
 * array of char[size], their number at count_offset CONF_OBJECT       {a: 1} struct CONF_OBJECTS a
 * list of objects                  array of structs of size, number at count_offset CONF_MAP {key:
 * {a: 1}, ...}                 the same, the key goes to the CONF_KEY field
 */
enum conf_type {
    CONF_TEXT,
    CONF_KEY,
    CONF_UINT,
    CONF_BOOL,
    CONF_DURATION,
    CONF_ENUM,
    CONF_ADDRESS,
    CONF_PORT,
    CONF_TEXTS,
    CONF_OBJECT,
    CONF_OBJECTS,
    CONF_MAP,
};

struct conf_field {
    const char *name; /* as in the file; NULL ends the schema */
    enum conf_type type;
    bool required;
    bool allocated; /* TEXTS, OBJECTS, MAP: the target holds a pointer; conf_free releases it */
    const char *fallback; /* the default, written as in the file; NULL: all zero */
    uint64_t min,
        max; /* UINT, PORT: value; DURATION: ms; TEXT, KEY: bytes; lists: items; max 0: no limit */
    const char
        *choices; /* ENUM: "loopback interface"; TEXT, KEY, TEXTS: allowed characters, "a-z0-9.-" */
    const struct conf_field *fields; /* OBJECT, OBJECTS, MAP */
    size_t offset;                   /* of the member in the target */
    size_t size;                     /* of the member, or of one item of a list */
    size_t count_offset;             /* TEXTS, OBJECTS, MAP: a uint32_t with the number of items */
    const char *doc;                 /* one sentence */
};

/* CONF_AT, CONF_LIST_AT, CONF_ALLOC_AT - offset and size of a plain member, of an array member with
 * its counter (as large as the schema's max), and of a pointer member to an allocated array with
 * its counter.
 */
#define CONF_AT(type_, member)                                                                     \
    .offset = offsetof(type_, member), .size = sizeof(((type_ *)0)->member)
#define CONF_LIST_AT(type_, member, counter)                                                       \
    .offset = offsetof(type_, member), .size = sizeof(((type_ *)0)->member[0]),                    \
    .max = sizeof(((type_ *)0)->member) / sizeof(((type_ *)0)->member[0]),                         \
    .count_offset = offsetof(type_, counter)
#define CONF_ALLOC_AT(type_, member, counter)                                                      \
    .offset = offsetof(type_, member), .size = sizeof(((type_ *)0)->member[0]), .allocated = true, \
    .count_offset = offsetof(type_, counter)

struct conf_tree; /* a file as read, with the line of every node */
struct conf_node;

/* conf_read - read the file PATH into *TARGET as SCHEMA says.
 *
 * TARGET, of which SIZE bytes are overwritten, is valid only after success.  When RET_TREE is not
 * NULL, it gets the tree, for conf_line; the caller destroys it.
 *
 * Returns: 0; -EINVAL with the reasons in ERRORS (also when the file cannot be read).
 */
int conf_read(const char *path, const struct conf_field *schema, void *target, size_t size,
              struct conf_tree **ret_tree, struct conf_errors *errors);

/* conf_read_text - the same from LENGTH bytes in memory; FILE is the name for the errors. */
int conf_read_text(const char *file, const char *text, size_t length,
                   const struct conf_field *schema, void *target, size_t size,
                   struct conf_tree **ret_tree, struct conf_errors *errors);

/* conf_free - release what conf_read allocated inside TARGET (allocated fields); TARGET itself is
 * the caller's. */
void conf_free(const struct conf_field *schema, void *target);

/* conf_tree_parse, conf_tree_read - only the YAML, from memory or from the file PATH; conf_apply -
 * only the schema.  conf_read does both. */
int conf_tree_read(const char *path, struct conf_tree **ret_tree, struct conf_errors *errors);
int conf_tree_parse(const char *file, const char *text, size_t length, struct conf_tree **ret_tree,
                    struct conf_errors *errors);
int conf_apply(const struct conf_tree *tree, const struct conf_field *schema, void *target,
               size_t size, struct conf_errors *errors);
void conf_tree_destroy(struct conf_tree **tree);

/* conf_line - the line of the field at PATH, as in "sites[0].hosts[1].address" or "dns.7001.type"
 * (a key with a dot in it is found as well); 0 when the file does not have it.
 */
unsigned conf_line(const struct conf_tree *tree, const char *path);

/* conf_given - true when the file has the field at PATH, so that its value is not the default. */
bool conf_given(const struct conf_tree *tree, const char *path);

/* conf_errors_init - no errors yet, for the file FILE. */
void conf_errors_init(struct conf_errors *errors, const char *file);

/* conf_error_add - what is wrong with the field at PATH (NULL: with the file) and how to mend it.
 * The line is that of the field, or of the nearest of its parents that the file has.
 */
void conf_error_add(struct conf_errors *errors, const struct conf_tree *tree, const char *path,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* conf_errors_print - one line per error, by line number, to OUT; conf_errors_line - the same of
 * error I into TEXT of SIZE bytes.
 */
void conf_errors_print(struct conf_errors *errors, FILE *out);
void conf_errors_line(const struct conf_errors *errors, unsigned i, char *text, size_t size);

enum conf_doc {
    CONF_DOC_TEXT,
    CONF_DOC_MAN, /* roff for man(7): .TP paragraphs */
    CONF_DOC_MARKDOWN,
};

/* conf_print_doc - every field of SCHEMA with type, range, default and sentence. */
void conf_print_doc(const struct conf_field *schema, enum conf_doc form, FILE *out);

/* conf_schema_sound - for unit tests: every field has a sentence and fits its member, and every
 * default is inside its range.  Else what is wrong goes to FAULT of SIZE bytes.
 */
bool conf_schema_sound(const struct conf_field *schema, char *fault, size_t size);

/* conf_duration_text - MS as a person would write it: 250ms, 5s, 2min. */
void conf_duration_text(uint64_t ms, char *text, size_t size);

#endif
