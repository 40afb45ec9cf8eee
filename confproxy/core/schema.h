/* schema - what a configuration object is, field by field, without knowing how it is stored or
 * sent.
 *
 * An item is a view of one object: its values point into memory of the caller (a protobuf message,
 * a parsed file) and are gone with it.  The table schema.tbl.h says which fields there are.
 *
 *     const struct cfg_value *targets = cfg_item_value(item, FIELD_DN_TARGETS);
 *
 * Owns:   nothing.
 * Errors: none; a field of another type is a bug, and asserted.
 */
#ifndef CONFPROXY_CORE_SCHEMA_H
#define CONFPROXY_CORE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cfg_type { CFG_OPTIONS, CFG_DN, CFG_AGENT, CFG_RULE };
#define CFG_TYPES 4

enum cfg_kind {
    KIND_TEXT,
    KIND_TEXTS,
    KIND_NUMBER,
    KIND_MS,
    KIND_S,
    KIND_BOOL,
    KIND_TYPE,
    KIND_FORWARD,
    KIND_DISTRIBUTION,
    KIND_SECRET,
};

/* DN types, numbered as in proto/config.proto. */
enum cfg_dn_type {
    CFG_DN_EXTENSION = 1,
    CFG_DN_ACD_QUEUE = 2,
    CFG_DN_ROUTING_POINT = 3,
    CFG_DN_TRUNK = 4,
    CFG_DN_SERVICE = 5,
};

/* Which DN types have a field: a bit for each. */
#define FOR_EXTENSION     (1u << CFG_DN_EXTENSION)
#define FOR_ACD_QUEUE     (1u << CFG_DN_ACD_QUEUE)
#define FOR_ROUTING_POINT (1u << CFG_DN_ROUTING_POINT)
#define FOR_TRUNK         (1u << CFG_DN_TRUNK)
#define FOR_SERVICE       (1u << CFG_DN_SERVICE)
#define FOR_FAR           (FOR_TRUNK | FOR_SERVICE)
#define FOR_CALLING       (FOR_EXTENSION | FOR_TRUNK)
#define FOR_REACHED       (FOR_EXTENSION | FOR_ACD_QUEUE)
#define FOR_NUMBER        (FOR_REACHED | FOR_ROUTING_POINT)
#define FOR_CALLS         (FOR_NUMBER | FOR_TRUNK)
#define FOR_ALL           (FOR_FAR | FOR_NUMBER)

enum cfg_field_id {
#define FIELD(type, name, ...) FIELD_##type##_##name,
#include "confproxy/core/schema.tbl.h"
    FIELD_COUNT
};

#define CFG_FIELDS_MAX 96 /* of one type */

struct cfg_field {
    enum cfg_type type;
    const char *yaml;
    const char *wire;
    enum cfg_kind kind;
    uint32_t min;
    uint32_t max;
    uint32_t fallback; /* the default */
    uint32_t dn_types;
    const char *meaning;
};

struct cfg_value {
    bool set;
    uint64_t number;          /* numbers, durations, words, 0 or 1 */
    const char *text;         /* never NULL once set */
    const char *const *texts; /* lists */
    size_t count;
};

struct cfg_item {
    enum cfg_type type;
    struct cfg_value values[CFG_FIELDS_MAX]; /* use cfg_item_value */
};

extern const struct cfg_field cfg_fields[FIELD_COUNT];

/* cfg_field_first, cfg_field_end - the fields of TYPE are FIRST <= id < END; the first is the
 * object's id. */
enum cfg_field_id cfg_field_first(enum cfg_type type);
enum cfg_field_id cfg_field_end(enum cfg_type type);

/* cfg_field_find - the field that a configuration file calls YAML, or FIELD_COUNT. */
enum cfg_field_id cfg_field_find(enum cfg_type type, const char *yaml);

/* cfg_item_value - ITEM's value of FIELD, which must be one of its type. */
const struct cfg_value *cfg_item_value(const struct cfg_item *item, enum cfg_field_id field);

/* cfg_item_id - what names the object among those of its type; never NULL. */
const char *cfg_item_id(const struct cfg_item *item);

/* cfg_type_name - "options", "dn", "agent", "rule", as in ConfGet.type and as the key of the store.
 */
const char *cfg_type_name(enum cfg_type type);

/* cfg_word, cfg_word_find - the words of KIND_TYPE, KIND_FORWARD and KIND_DISTRIBUTION and their
 * numbers on the wire. cfg_word returns NULL, cfg_word_find 0, for what is none. */
const char *cfg_word(enum cfg_kind kind, uint64_t number);
uint32_t cfg_word_find(enum cfg_kind kind, const char *word);

#endif
