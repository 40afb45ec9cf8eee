/* The codec with any bytes: it never crashes, and what it accepts it can encode again to something
 * that it accepts as the same type.  The first byte chooses the conversation and the direction;
 * with its top bit set the rest is a body, which gets a sound envelope, and the second byte chooses
 * the type. */
#include "proto/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void check_again(const struct codec_message *message, enum endpoint endpoint,
                        enum codec_way way)
{
    struct codec_message *again = NULL;
    struct codec_error error;
    uint8_t *data;
    size_t size;

    if (codec_encode(message->envelope, message->type, message->body, &data, &size, &error) != 0 ||
        codec_decode(data, size, endpoint, way, &again, &error) != 0 ||
        again->type != message->type)
        abort();
    codec_free(&again);
    free(data);
}

static void judge(const uint8_t *data, size_t size, enum endpoint endpoint, enum codec_way way)
{
    struct codec_message *message = NULL;
    struct codec_error error;

    if (codec_decode(data, size, endpoint, way, &message, &error) != 0)
        return;
    check_again(message, endpoint, way);
    codec_free(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    Sf__Envelope head = SF__ENVELOPE__INIT;
    enum endpoint endpoint;
    enum codec_way way;
    uint8_t *data;
    size_t data_size;

    if (size < 2)
        return 0;
    endpoint = (enum endpoint)((input[0] >> 1 & 0x3f) % ENDPOINT_COUNT);
    way = (input[0] & 1) != 0 ? CODEC_UP : CODEC_DOWN;
    if ((input[0] & 0x80) == 0) {
        judge(input + 1, size - 1, endpoint, way);
        return 0;
    }
    head.cluster = "test";
    head.host = "east.1";
    head.process = PROCESS_HAMGR;
    head.boot_id = head.sequence = 1;
    head.type = input[1];
    head.body.data = (uint8_t *)(uintptr_t)(input + 2);
    head.body.len = size - 2;
    data_size = sf__envelope__get_packed_size(&head);
    data = malloc(data_size);
    (void)sf__envelope__pack(&head, data);
    judge(data, data_size, endpoint, way);
    free(data);
    return 0;
}
