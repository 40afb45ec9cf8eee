#include "confproxy/adapt/message.h"
#include "confproxy/adapt/proxy.h"

#include <errno.h>
#include <stdlib.h>

static void clear(struct parts *p)
{
    for (size_t i = 0; i < p->count; i++)
        sf__conf_object__free_unpacked(p->objects[i], NULL);
    p->count = 0;
    p->bytes = 0;
}

/* A part is sent when the next object is known to follow it. */
static int add(void *arg, const Sf__ConfObject *object)
{
    struct parts *p = arg;
    size_t size = sf__conf_object__get_packed_size(object);

    if (p->bytes + size > PROXY_PART_BYTES && p->count > 0) {
        p->send(p->arg, p, true);
        clear(p);
    }
    if (p->count == p->room) {
        size_t room = p->room == 0 ? 256 : p->room * 2;
        Sf__ConfObject **grown = realloc(p->objects, room * sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        p->objects = grown;
        p->room = room;
    }
    p->objects[p->count++] = message_copy(object);
    p->bytes += size;
    return 0;
}

int parts_send(struct objects *objects, const char *type, const char *id, struct parts *parts)
{
    int r = objects_each(objects, type, id, add, parts);

    if (r == 0)
        parts->send(parts->arg, parts, false);
    clear(parts);
    free(parts->objects);
    parts->objects = NULL;
    parts->room = 0;
    return r;
}
