#include "confproxy/core/schema.h"

#include <assert.h>
#include <string.h>

const struct cfg_field cfg_fields[FIELD_COUNT] = {
#define FIELD(type, name, yaml, wire, kind, min, max, fallback, dn_types, meaning)                 \
    {CFG_##type, yaml, wire, KIND_##kind, min, max, fallback, dn_types, meaning},
#include "confproxy/core/schema.tbl.h"
};

static const struct {
    const char *name;
    enum cfg_field_id first;
    enum cfg_field_id end;
} types[CFG_TYPES] = {
    [CFG_OPTIONS] = {"options", FIELD_OPTIONS_SITE, FIELD_DN_NUMBER},
    [CFG_DN] = {"dn", FIELD_DN_NUMBER, FIELD_AGENT_ID},
    [CFG_AGENT] = {"agent", FIELD_AGENT_ID, FIELD_RULE_ID},
    [CFG_RULE] = {"rule", FIELD_RULE_ID, FIELD_COUNT},
};

/* Every type fits into struct cfg_item and into the rows of the file (adapt/client_file.c). */
static_assert(FIELD_DN_NUMBER - FIELD_OPTIONS_SITE <= CFG_FIELDS_MAX, "fields of options");
static_assert(FIELD_AGENT_ID - FIELD_DN_NUMBER <= CFG_FIELDS_MAX, "fields of a dn");
static_assert(FIELD_RULE_ID - FIELD_AGENT_ID <= CFG_FIELDS_MAX, "fields of an agent");
static_assert(FIELD_COUNT - FIELD_RULE_ID <= CFG_FIELDS_MAX, "fields of a rule");

static const char *const dn_type_words[] = {NULL,    "extension", "acd-queue", "routing-point",
                                            "trunk", "service"};
static const char *const forward_words[] = {NULL, "off", "no-agent", "oos"};
static const char *const distribution_words[] = {NULL, "longest-idle", "linear", "ring-all"};

enum cfg_field_id cfg_field_first(enum cfg_type type)
{
    return types[type].first;
}

enum cfg_field_id cfg_field_end(enum cfg_type type)
{
    return types[type].end;
}

enum cfg_field_id cfg_field_find(enum cfg_type type, const char *yaml)
{
    for (enum cfg_field_id f = types[type].first; f < types[type].end; f++)
        if (strcmp(cfg_fields[f].yaml, yaml) == 0)
            return f;
    return FIELD_COUNT;
}

const struct cfg_value *cfg_item_value(const struct cfg_item *item, enum cfg_field_id field)
{
    assert(field >= types[item->type].first && field < types[item->type].end);
    return &item->values[field - types[item->type].first];
}

const char *cfg_item_id(const struct cfg_item *item)
{
    return item->values[0].set ? item->values[0].text : "";
}

const char *cfg_type_name(enum cfg_type type)
{
    return types[type].name;
}

static const char *const *words_of(enum cfg_kind kind, size_t *ret_count)
{
    assert(kind == KIND_TYPE || kind == KIND_FORWARD || kind == KIND_DISTRIBUTION);
    if (kind == KIND_DISTRIBUTION) {
        *ret_count = sizeof distribution_words / sizeof *distribution_words;
        return distribution_words;
    }
    if (kind == KIND_TYPE) {
        *ret_count = sizeof dn_type_words / sizeof *dn_type_words;
        return dn_type_words;
    }
    *ret_count = sizeof forward_words / sizeof *forward_words;
    return forward_words;
}

const char *cfg_word(enum cfg_kind kind, uint64_t number)
{
    size_t count;
    const char *const *words = words_of(kind, &count);

    return number < count ? words[number] : NULL;
}

uint32_t cfg_word_find(enum cfg_kind kind, const char *word)
{
    size_t count;
    const char *const *words = words_of(kind, &count);

    for (uint32_t i = 1; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return 0;
}
