/* arena - the memory of one decoded message: protobuf-c asks for a piece for every text and every
 * part, and gives all of them back at once.
 *
 * Under AddressSanitizer every piece is an allocation of its own, so that a look beyond its end is
 * seen.  Out of memory ends the process.
 */
#ifndef PROTO_ARENA_H
#define PROTO_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct arena;

/* arena_new - room for about EXPECTED bytes; it grows. */
struct arena *arena_new(size_t expected);
void arena_destroy(struct arena **arena);

void *arena_take(struct arena *arena, size_t size);

/* arena_allocator - for protobuf-c; freeing a piece does nothing. */
ProtobufCAllocator *arena_allocator(struct arena *arena);

#endif
