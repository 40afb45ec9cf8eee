#include "tests/bench/tools/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL_BUFFER (16 << 20)

static int address_of(const char *text, struct sockaddr_in *ret)
{
    char host[32];
    const char *colon = strchr(text, ':');

    memset(ret, 0, sizeof(*ret));
    ret->sin_family = AF_INET;
    if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
        return -EINVAL;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    ret->sin_port = htons((uint16_t)atoi(colon + 1));
    return inet_pton(AF_INET, host, &ret->sin_addr) == 1 ? 0 : -EINVAL;
}

int wire_open(struct wire *w, const char *local, const char *server)
{
    struct sockaddr_in from, to;
    int size = KERNEL_BUFFER;

    memset(w, 0, sizeof(*w));
    if (address_of(local, &from) != 0 || address_of(server, &to) != 0)
        return -EINVAL;
    snprintf(w->local, sizeof(w->local), "%s", local);
    w->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (w->fd < 0)
        return -errno;
    if (setsockopt(w->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        (void)setsockopt(w->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (setsockopt(w->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
        (void)setsockopt(w->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (bind(w->fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
        connect(w->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        return -errno;
    for (unsigned i = 0; i < WIRE_BATCH; i++) {
        w->in_data[i] = (struct iovec){w->in_bytes[i], WIRE_MESSAGE_SIZE - 1};
        w->in[i].msg_hdr = (struct msghdr){.msg_iov = &w->in_data[i], .msg_iovlen = 1};
        w->out[i].msg_hdr = (struct msghdr){.msg_iov = &w->out_data[i], .msg_iovlen = 1};
    }
    return 0;
}

char *wire_room(struct wire *w)
{
    if (w->waiting == WIRE_BATCH)
        wire_flush(w);
    return w->out_bytes[w->waiting];
}

void wire_put(struct wire *w, size_t len)
{
    w->out_data[w->waiting] = (struct iovec){w->out_bytes[w->waiting], len};
    w->waiting++;
}

void wire_flush(struct wire *w)
{
    unsigned done = 0;

    while (done < w->waiting) {
        int n = sendmmsg(w->fd, w->out + done, w->waiting - done, 0);

        if (n <= 0) {
            w->refused++;
            n = 1;
        }
        done += (unsigned)n;
    }
    w->waiting = 0;
}

unsigned wire_receive(struct wire *w, void (*fn)(void *arg, const char *data, size_t len),
                      void *arg)
{
    int n = recvmmsg(w->fd, w->in, WIRE_BATCH, MSG_DONTWAIT, NULL);

    for (int i = 0; i < n; i++) {
        w->in_bytes[i][w->in[i].msg_len] = '\0';
        fn(arg, w->in_bytes[i], w->in[i].msg_len);
    }
    return n > 0 ? (unsigned)n : 0;
}
