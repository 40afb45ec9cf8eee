/* message - configuration objects between protobuf and the core's view of them, field by field as
 * confproxy/core/schema.tbl.h says.
 *
 * Owns:   an item points into the message that it was made from.
 * Errors: negative errno.
 */
#ifndef CONFPROXY_ADAPT_MESSAGE_H
#define CONFPROXY_ADAPT_MESSAGE_H

#include "confproxy/core/schema.h"
#include "proto/config.pb-c.h"

#define MESSAGE_KEY_MAX 96

/* message_new - an empty object of TYPE; free with sf__conf_object__free_unpacked(object, NULL). */
Sf__ConfObject *message_new(enum cfg_type type);

/* message_type - the type of OBJECT.  Returns: false when it is of none (a newer version's). */
bool message_type(const Sf__ConfObject *object, enum cfg_type *ret_type);

/* message_id - what names OBJECT among those of its type; "" for one without a type. */
const char *message_id(const Sf__ConfObject *object);

/* message_item - view OBJECT as an item.  Returns: 0; -EINVAL it has no type that we know. */
int message_item(const Sf__ConfObject *object, struct cfg_item *ret_item);

/* message_set_* - give FIELD of OBJECT a value; texts are copied. */
void message_set_text(Sf__ConfObject *object, enum cfg_field_id field, const char *text);
void message_set_number(Sf__ConfObject *object, enum cfg_field_id field, uint32_t number);
void message_add_text(Sf__ConfObject *object, enum cfg_field_id field, const char *text);

/* message_key - "dn/8000", the object's place in the store, into KEY of MESSAGE_KEY_MAX bytes.
 * Returns: its length; -EINVAL no type, or an id longer than the schema allows. */
int message_key(const Sf__ConfObject *object, char *key);

/* message_copy - a deep copy. */
Sf__ConfObject *message_copy(const Sf__ConfObject *object);

#endif
