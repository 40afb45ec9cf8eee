#include "confproxy/adapt/message.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ProtobufCMessageDescriptor *const descriptors[CFG_TYPES] = {
    [CFG_OPTIONS] = &sf__options__descriptor,
    [CFG_DN] = &sf__dn__descriptor,
    [CFG_AGENT] = &sf__agent__descriptor,
    [CFG_RULE] = &sf__dial_rule__descriptor,
};

static void *body_of(const Sf__ConfObject *object)
{
    switch (object->object_case) {
    case SF__CONF_OBJECT__OBJECT_OPTIONS: return object->options;
    case SF__CONF_OBJECT__OBJECT_DN: return object->dn;
    case SF__CONF_OBJECT__OBJECT_AGENT: return object->agent;
    case SF__CONF_OBJECT__OBJECT_RULE: return object->rule;
    case SF__CONF_OBJECT__OBJECT__NOT_SET:
    case _SF__CONF_OBJECT__OBJECT__CASE_IS_INT_SIZE: break;
    }
    return NULL;
}

static void *at(void *body, size_t offset)
{
    return (char *)body + offset;
}

static const ProtobufCFieldDescriptor *wire_field(enum cfg_field_id field)
{
    const ProtobufCFieldDescriptor *wire = protobuf_c_message_descriptor_get_field_by_name(
        descriptors[cfg_fields[field].type], cfg_fields[field].wire);

    assert(wire != NULL); /* schema.tbl.h and config.proto agree: a unit test walks all rows */
    return wire;
}

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL)
        abort();
    return memory;
}

static char *copy_text(const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL)
        abort();
    return copy;
}

Sf__ConfObject *message_new(enum cfg_type type)
{
    Sf__ConfObject *object = allocate(sizeof *object);

    sf__conf_object__init(object);
    switch (type) {
    case CFG_OPTIONS:
        object->object_case = SF__CONF_OBJECT__OBJECT_OPTIONS;
        object->options = allocate(sizeof *object->options);
        sf__options__init(object->options);
        break;
    case CFG_DN:
        object->object_case = SF__CONF_OBJECT__OBJECT_DN;
        object->dn = allocate(sizeof *object->dn);
        sf__dn__init(object->dn);
        break;
    case CFG_AGENT:
        object->object_case = SF__CONF_OBJECT__OBJECT_AGENT;
        object->agent = allocate(sizeof *object->agent);
        sf__agent__init(object->agent);
        break;
    case CFG_RULE:
        object->object_case = SF__CONF_OBJECT__OBJECT_RULE;
        object->rule = allocate(sizeof *object->rule);
        sf__dial_rule__init(object->rule);
        break;
    }
    return object;
}

bool message_type(const Sf__ConfObject *object, enum cfg_type *ret_type)
{
    switch (object->object_case) {
    case SF__CONF_OBJECT__OBJECT_OPTIONS: *ret_type = CFG_OPTIONS; return true;
    case SF__CONF_OBJECT__OBJECT_DN: *ret_type = CFG_DN; return true;
    case SF__CONF_OBJECT__OBJECT_AGENT: *ret_type = CFG_AGENT; return true;
    case SF__CONF_OBJECT__OBJECT_RULE: *ret_type = CFG_RULE; return true;
    case SF__CONF_OBJECT__OBJECT__NOT_SET:
    case _SF__CONF_OBJECT__OBJECT__CASE_IS_INT_SIZE: break;
    }
    return false;
}

const char *message_id(const Sf__ConfObject *object)
{
    switch (object->object_case) {
    case SF__CONF_OBJECT__OBJECT_OPTIONS: return object->options->site;
    case SF__CONF_OBJECT__OBJECT_DN: return object->dn->number;
    case SF__CONF_OBJECT__OBJECT_AGENT: return object->agent->id;
    case SF__CONF_OBJECT__OBJECT_RULE: return object->rule->id;
    case SF__CONF_OBJECT__OBJECT__NOT_SET:
    case _SF__CONF_OBJECT__OBJECT__CASE_IS_INT_SIZE: break;
    }
    return "";
}

static void read_value(void *body, enum cfg_field_id field, struct cfg_value *value)
{
    const ProtobufCFieldDescriptor *wire = wire_field(field);

    switch (cfg_fields[field].kind) {
    case KIND_TEXT:
    case KIND_SECRET:
        value->text = *(char *const *)at(body, wire->offset);
        value->set = value->text[0] != '\0';
        break;
    case KIND_TEXTS:
        value->texts = *(const char *const **)at(body, wire->offset);
        value->count = *(size_t *)at(body, wire->quantifier_offset);
        value->set = value->count > 0;
        break;
    case KIND_NUMBER:
    case KIND_MS:
    case KIND_S:
    case KIND_TYPE:
    case KIND_FORWARD:
    case KIND_DISTRIBUTION:
        value->number = *(uint32_t *)at(body, wire->offset); /* an enum is an int32_t on the wire */
        value->set = value->number != 0;
        break;
    case KIND_BOOL:
        value->number = *(protobuf_c_boolean *)at(body, wire->offset) != 0;
        value->set = value->number != 0;
        if (field == FIELD_OPTIONS_DR_OOSP_TRANSFER_ENABLED)
            value->set = ((const Sf__Options *)body)->dr_oosp_transfer_set != 0;
        if (field == FIELD_OPTIONS_DIGEST_MD5)
            value->set = ((const Sf__Options *)body)->digest_md5_set != 0;
        break;
    }
}

int message_item(const Sf__ConfObject *object, struct cfg_item *ret_item)
{
    enum cfg_type type;

    if (!message_type(object, &type))
        return -EINVAL;
    memset(ret_item, 0, sizeof *ret_item);
    ret_item->type = type;
    for (enum cfg_field_id f = cfg_field_first(type); f < cfg_field_end(type); f++)
        read_value(body_of(object), f, &ret_item->values[f - cfg_field_first(type)]);
    return 0;
}

void message_set_text(Sf__ConfObject *object, enum cfg_field_id field, const char *text)
{
    char **member = at(body_of(object), wire_field(field)->offset);

    if (*member != protobuf_c_empty_string)
        free(*member);
    *member = copy_text(text);
}

void message_set_number(Sf__ConfObject *object, enum cfg_field_id field, uint32_t number)
{
    void *member = at(body_of(object), wire_field(field)->offset);

    if (cfg_fields[field].kind == KIND_BOOL) {
        *(protobuf_c_boolean *)member = number != 0;
        if (field == FIELD_OPTIONS_DR_OOSP_TRANSFER_ENABLED)
            object->options->dr_oosp_transfer_set = 1;
        if (field == FIELD_OPTIONS_DIGEST_MD5)
            object->options->digest_md5_set = 1;
    } else {
        *(uint32_t *)member = number;
    }
}

void message_add_text(Sf__ConfObject *object, enum cfg_field_id field, const char *text)
{
    const ProtobufCFieldDescriptor *wire = wire_field(field);
    char ***list = at(body_of(object), wire->offset);
    size_t *count = at(body_of(object), wire->quantifier_offset);
    char **grown = realloc(*list, (*count + 1) * sizeof *grown);

    if (grown == NULL)
        abort();
    *list = grown;
    grown[(*count)++] = copy_text(text);
}

int message_key(const Sf__ConfObject *object, char *key)
{
    enum cfg_type type;

    if (!message_type(object, &type))
        return -EINVAL;
    int length = snprintf(key, MESSAGE_KEY_MAX, "%s/%s", cfg_type_name(type), message_id(object));
    return length < MESSAGE_KEY_MAX ? length : -EINVAL;
}

Sf__ConfObject *message_copy(const Sf__ConfObject *object)
{
    size_t size = sf__conf_object__get_packed_size(object);
    uint8_t *packed = allocate(size + 1);

    sf__conf_object__pack(object, packed);
    Sf__ConfObject *copy = sf__conf_object__unpack(NULL, size, packed);
    free(packed);
    if (copy == NULL)
        abort();
    return copy;
}
