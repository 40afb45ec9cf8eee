/* directory - the agents of the configuration: id, password hash, default extension.  Filled from
 * the configuration watch; a snapshot replaces all. */
#ifndef DESKTOP_ADAPT_DIRECTORY_H
#define DESKTOP_ADAPT_DIRECTORY_H

#include "proto/codec.h"

#include <stdbool.h>
#include <stdint.h>

#define DIRECTORY_AGENTS_MAX 20000
#define DIRECTORY_HASH_SIZE  256

struct directory;

struct directory_agent {
    char id[64];
    char dn[64];
    char password_hash[DIRECTORY_HASH_SIZE];
};

int directory_new(struct directory **ret_directory);
void directory_destroy(struct directory **directory);
void directory_clear(struct directory *directory);

/* directory_change - take in a change of the configuration; objects that are no agents are ignored.
 * An agent beyond the maximum is logged and left out. */
void directory_change(struct directory *directory, const Sf__ConfChange *change);

/* directory_find - the agent ID, or NULL. */
const struct directory_agent *directory_find(const struct directory *directory, const char *id);

#endif
