/* wire - one UDP socket of the load generator, connected to the server under test, in batches.
 *
 * Write a message into wire_room(), hand it over with wire_put(); it leaves with the next
 * wire_flush().  A datagram that the kernel refuses is counted, never sent again: the message
 * counts as lost.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define WIRE_BATCH        64
#define WIRE_MESSAGE_SIZE 4096

struct wire {
    int fd;
    char local[32]; /* "127.0.0.1:5060" */
    uint64_t refused;
    unsigned waiting; /* messages not flushed */
    struct mmsghdr out[WIRE_BATCH], in[WIRE_BATCH];
    struct iovec out_data[WIRE_BATCH], in_data[WIRE_BATCH];
    char out_bytes[WIRE_BATCH][WIRE_MESSAGE_SIZE], in_bytes[WIRE_BATCH][WIRE_MESSAGE_SIZE];
};

/* wire_open - LOCAL and SERVER as "address:port".  Returns: 0; negative errno. */
int wire_open(struct wire *w, const char *local, const char *server);

char *wire_room(struct wire *w);
void wire_put(struct wire *w, size_t len);
void wire_flush(struct wire *w);

/* wire_receive - all that is there, at most WIRE_BATCH; each message is NUL-terminated.
 * Returns: how many. */
unsigned wire_receive(struct wire *w, void (*fn)(void *arg, const char *data, size_t len),
                      void *arg);

#endif
