/* codec - messages between bytes and checked protobuf-c structures.
 *
 *     bytes --codec_decode--> envelope checked --> type allowed here? --> body checked --> struct
 * codec_message
 *
 * Everything that comes from outside the process is judged here, field by field and by the
 * descriptors that protobuf-c generates: sizes, counts, UTF-8 without NUL, known enum values.  What
 * the codec lets through has bounded strings (never NULL) and known enum values, and may lack a
 * nested message (NULL); its meaning is the receiver's to judge. Unknown fields of a newer version
 * are ignored.  The limits are in limits.tbl.h.
 *
 * No clock, no log, no global; the messages are allocated and freed here.
 *
 * A dispatcher switches on a few of the types: `switch ((int)message->type)` keeps -Wswitch-enum
 * quiet.
 */
#ifndef PROTO_CODEC_H
#define PROTO_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/agent.pb-c.h"
#include "proto/bus.pb-c.h"
#include "proto/calls.pb-c.h"
#include "proto/config.pb-c.h"
#include "proto/control.pb-c.h"
#include "proto/envelope.pb-c.h"
#include "proto/events.pb-c.h"
#include "proto/lease.pb-c.h"
#include "proto/log.pb-c.h"
#include "proto/replica.pb-c.h"
#include "proto/role.pb-c.h"
#include "proto/stats.pb-c.h"

/* PROCESS_HAMGR, ... */
enum process {
    PROCESS_NONE = 0,
#define PROCESS(name, value, program, meaning) PROCESS_##name = (value),
#include "proto/processes.tbl.h"
};

/* ENDPOINT_ROLE, ... */
enum endpoint {
#define ENDPOINT(name, lower, reach, bound_by, connected_by, meaning) ENDPOINT_##name,
#include "proto/endpoints.tbl.h"
};

enum {
    ENDPOINT_COUNT = 0
#define ENDPOINT(name, lower, reach, bound_by, connected_by, meaning) +1
#include "proto/endpoints.tbl.h"
};

/* MESSAGE_ROLE_HELLO, ... */
enum message_type {
    MESSAGE_NONE = 0,
#define MESSAGE(number, name, protobuf, conversation, way) MESSAGE_##name = (number),
#include "proto/messages.tbl.h"
};

/* Which way a message goes: from the process that connected (UP) or from the one that bound (DOWN).
 */
enum codec_way { CODEC_UP = 1, CODEC_DOWN = 2, CODEC_ANY = 3 };

/* CODEC_TOO_LARGE, ...: why a message was refused; CODEC_ACCEPTED is 0. */
enum codec_verdict {
#define CODEC_REFUSED(name, text) CODEC_##name,
#include "proto/codec_refused.tbl.h"
};

struct codec_error {
    enum codec_verdict verdict;
    uint64_t sequence; /* of the refused message, 0 when the envelope could not be read */
    char field[96];    /* "sf.RoleReport.why_not", "" when it is not about a field */
};

/* A decoded message.  BODY is the protobuf-c structure that messages.tbl.h names for TYPE:
 *     const Sf__RoleOrder *order = message->body;
 * Everything belongs to the message. */
struct codec_message {
    enum message_type type;
    const void *body;
    const Sf__Envelope *envelope;
    struct arena *arena; /* holds all of it */
};

/* codec_decode - check and decode SIZE bytes that came in on ENDPOINT going WAY (CODEC_UP or
 * CODEC_DOWN). Returns: 0 and *ret_message (free with codec_free); -EBADMSG and why in *ret_error.
 */
int codec_decode(const uint8_t *data, size_t size, enum endpoint endpoint, enum codec_way way,
                 struct codec_message **ret_message, struct codec_error *ret_error);
void codec_free(struct codec_message **message);

/* codec_encode - BODY as a message of TYPE, with the envelope HEAD (its type and body are ignored).
 * Returns: 0 and *ret_data (free(3)), *ret_size; -EINVAL when the receiver would refuse it, with
 * the field in *ret_error (a bug or an unchecked input of the sender); -EMSGSIZE. Asserts: BODY is
 * of the protobuf type that belongs to TYPE. */
int codec_encode(const Sf__Envelope *head, enum message_type type, const void *body,
                 uint8_t **ret_data, size_t *ret_size, struct codec_error *ret_error);

/* codec_size_max - the largest message on ENDPOINT, envelope included, in bytes. */
size_t codec_size_max(enum endpoint endpoint);

/* codec_allowed - may messages of TYPE go WAY on ENDPOINT? */
bool codec_allowed(enum message_type type, enum endpoint endpoint, enum codec_way way);

/* Names as in the tables; "unknown" for other values. */
const char *codec_verdict_text(enum codec_verdict verdict);
const char *message_type_name(enum message_type type);
const char *
endpoint_name(enum endpoint endpoint); /* "role": also the key under ports: of the bootstrap file */
const char *process_name(enum process process);    /* "hamgr", ..., "arbiter", "cli" */
const char *process_program(enum process process); /* the program's file name */

#endif
