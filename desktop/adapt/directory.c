#include "desktop/adapt/directory.h"

#include "common/hash.h"
#include "common/log.h"
#include "common/pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct entry {
    struct hash_node node;
    struct directory_agent agent;
};

struct directory {
    struct pool entries;
    struct hash by_id;
    void *pool_memory;
    void *hash_memory;
};

int directory_new(struct directory **ret_directory)
{
    struct directory *d = calloc(1, sizeof(*d));
    uint8_t secret[HASH_SECRET_BYTES];

    if (d == NULL)
        return -ENOMEM;
    d->pool_memory = malloc(pool_bytes(DIRECTORY_AGENTS_MAX, sizeof(struct entry)));
    d->hash_memory = malloc(hash_bytes(DIRECTORY_AGENTS_MAX));
    if (d->pool_memory == NULL || d->hash_memory == NULL ||
        getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret)) {
        directory_destroy(&d);
        return -ENOMEM;
    }
    pool_init(&d->entries, d->pool_memory, DIRECTORY_AGENTS_MAX, sizeof(struct entry));
    hash_init(&d->by_id, d->hash_memory, DIRECTORY_AGENTS_MAX, secret);
    *ret_directory = d;
    return 0;
}

void directory_destroy(struct directory **directory)
{
    if (*directory == NULL)
        return;
    free((*directory)->pool_memory);
    free((*directory)->hash_memory);
    free(*directory);
    *directory = NULL;
}

static void forget(struct directory *d, struct entry *entry)
{
    hash_remove(&d->by_id, &entry->node);
    pool_put(&d->entries, entry);
}

void directory_clear(struct directory *directory)
{
    struct entry *entry = NULL;

    while ((entry = pool_next(&directory->entries, entry)) != NULL)
        forget(directory, entry);
}

void directory_change(struct directory *directory, const Sf__ConfChange *change)
{
    const Sf__Agent *in;
    struct entry *entry;

    if (change->object == NULL || change->object->object_case != SF__CONF_OBJECT__OBJECT_AGENT)
        return;
    in = change->object->agent;
    entry = (struct entry *)hash_get_text(&directory->by_id, in->id);
    if (change->deleted) {
        if (entry != NULL)
            forget(directory, entry);
        return;
    }
    if (entry == NULL) {
        entry = pool_take(&directory->entries, NULL);
        if (entry == NULL) {
            log_event(LEVEL_WARNING, MSG_DESKTOP, LOG_FIELDS(.object = in->id, .event = "REFUSED"),
                      "agent %s cannot log in: more than %d agents are configured", in->id,
                      DIRECTORY_AGENTS_MAX);
            return;
        }
        snprintf(entry->agent.id, sizeof(entry->agent.id), "%s", in->id);
        (void)hash_put_text(&directory->by_id, &entry->node, entry->agent.id);
    }
    snprintf(entry->agent.dn, sizeof(entry->agent.dn), "%s", in->dn);
    snprintf(entry->agent.password_hash, sizeof(entry->agent.password_hash), "%s",
             in->password_hash);
}

const struct directory_agent *directory_find(const struct directory *directory, const char *id)
{
    const struct entry *entry = (const struct entry *)hash_get_text(&directory->by_id, id);

    return entry == NULL ? NULL : &entry->agent;
}
