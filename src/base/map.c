#include "base/map.h"

#include "base/memory.h"

#define FIRST_CAP ((size_t)16)

/* Open addressing, linear probing. Free: no key. Tombstone: a key (`removed`) and no value. */
struct map_entry {
    uint64_t hash;
    const char *key;
    size_t key_len;
    void *value;
};

static const char removed[1];

void map_init(struct map *map) {
    *map = (struct map){0};
}

static void clear_entry(struct map_entry *entry) {
    if (entry->value != NULL) {
        memory_free((void *)(uintptr_t)entry->key); /* our own copy; const is for readers */
    }
}

void map_fini(struct map *map) {
    for (size_t i = 0; i < map->cap; i++) {
        clear_entry(&map->entries[i]);
    }
    memory_free(map->entries);
    map_init(map);
}

static struct map_entry *find_entry(const struct map *map, struct str key, uint64_t hash) {
    if (map->count == 0) {
        return NULL;
    }
    size_t mask = map->cap - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        struct map_entry *entry = &map->entries[i];
        if (entry->key == NULL) {
            return NULL;
        }
        if (entry->value != NULL && entry->hash == hash &&
            str_eq(str_make(entry->key, entry->key_len), key)) {
            return entry;
        }
    }
}

/* Puts a key that is not there yet; at least one entry is free. */
static void place_entry(struct map *map, struct map_entry entry) {
    size_t mask = map->cap - 1;
    size_t i = (size_t)entry.hash & mask;
    while (map->entries[i].key != NULL) {
        i = (i + 1) & mask;
    }
    map->entries[i] = entry;
    map->count++;
    map->used++;
}

/* Makes the table as large as its live entries need, which may be smaller than it was, and drops tombstones. */
static void rehash(struct map *map) {
    struct map old = *map;
    map_init(map);
    map->cap = FIRST_CAP;
    while (map->cap < old.count * 2 + 2) {
        map->cap *= 2;
    }
    map->entries = memory_new_array(map->cap, sizeof(*map->entries));
    for (size_t i = 0; i < old.cap; i++) {
        if (old.entries[i].value != NULL) {
            place_entry(map, old.entries[i]);
        }
    }
    memory_free(old.entries);
}

void *map_get(const struct map *map, struct str key) {
    if (map->count == 0) {
        return NULL;
    }
    struct map_entry *entry = find_entry(map, key, str_hash(key));
    return entry == NULL ? NULL : entry->value;
}

void *map_set(struct map *map, struct str key, void *value) {
    uint64_t hash = str_hash(key);
    struct map_entry *entry = find_entry(map, key, hash);
    if (entry != NULL) {
        void *former = entry->value;
        entry->value = value;
        return former;
    }
    if (map->used >= map->cap / 4 * 3) {
        rehash(map);
    }
    place_entry(map, (struct map_entry){hash, memory_dup(key.at, key.len), key.len, value});
    return NULL;
}

void *map_remove(struct map *map, struct str key) {
    struct map_entry *entry = find_entry(map, key, str_hash(key));
    if (entry == NULL) {
        return NULL;
    }
    void *former = entry->value;
    clear_entry(entry);
    *entry = (struct map_entry){.key = removed};
    map->count--;
    return former;
}

bool map_next(const struct map *map, size_t *at, struct str *key, void **value) {
    while (*at < map->cap) {
        const struct map_entry *entry = &map->entries[(*at)++];
        if (entry->value != NULL) {
            *key = str_make(entry->key, entry->key_len);
            *value = entry->value;
            return true;
        }
    }
    return false;
}
