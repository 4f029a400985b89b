/* map.h: a hash table from text to a pointer. Keys are copied. The hash is seeded per process, so keys that a peer
 * chooses cannot be made to collide on purpose. Not shared between threads without a lock. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct map_entry;

struct map {
    struct map_entry *entries;
    size_t cap;   /* a power of two, or 0 */
    size_t count; /* live entries */
    size_t used;  /* live entries and tombstones */
};

void map_init(struct map *map);
/* Does not touch the values. */
void map_fini(struct map *map);
void *map_get(const struct map *map, struct str key); /* NULL if absent */
/* Sets or replaces; returns the former value or NULL. `value` is not NULL. */
void *map_set(struct map *map, struct str key, void *value);
void *map_remove(struct map *map, struct str key); /* the former value or NULL */
/* Walks in no order: start with *at = 0; false at the end. The current entry may be removed while walking. */
bool map_next(const struct map *map, size_t *at, struct str *key, void **value);

#endif
