#include "warpgate/warpgate_pool.h"

#include "base/memory.h"

static struct warpgate_link *link_from(struct list *node) {
    return CONTAINER_OF(node, struct warpgate_link, node);
}

void warpgate_pool_init(struct warpgate_pool *pool) {
    list_init(&pool->dialling);
    list_init(&pool->idle);
    list_init(&pool->returned);
    list_init(&pool->shared);
    pool->idle_count = 0;
    pool->is_cleared = false;
}

void warpgate_pool_put(struct warpgate_pool *pool, struct warpgate_link *link,
                       enum warpgate_place place) {
    list_remove(&link->node);
    if (link->place == WARPGATE_PLACE_IDLE) {
        pool->idle_count--;
    }
    link->place = place;
    switch (place) {
    case WARPGATE_PLACE_PROBE:
    case WARPGATE_PLACE_DIALLED_FOR_ANY:
    case WARPGATE_PLACE_DIALLED_FOR_FRESH:
        list_append(&pool->dialling, &link->node);
        break;
    case WARPGATE_PLACE_IDLE:
        list_prepend(&pool->idle, &link->node);
        pool->idle_count++;
        break;
    case WARPGATE_PLACE_RETURNED:
        list_append(&pool->returned, &link->node);
        break;
    case WARPGATE_PLACE_SHARED:
        list_append(&pool->shared, &link->node);
        break;
    case WARPGATE_PLACE_NONE:
        break;
    }
}

void warpgate_pool_close(struct warpgate_pool *pool, struct warpgate_link *link) {
    warpgate_pool_put(pool, link, WARPGATE_PLACE_NONE);
    warpgate_link_close(link);
}

void warpgate_pool_close_idlest(struct warpgate_pool *pool) {
    warpgate_pool_close(pool, link_from(pool->idle.prev));
}

void warpgate_pool_rest(struct warpgate_pool *pool, struct warpgate_link *link) {
    warpgate_pool_put(pool, link, WARPGATE_PLACE_IDLE);
    if (pool->idle_count > WARPGATE_POOL_IDLE_MAX) {
        warpgate_pool_close_idlest(pool);
    }
}

void warpgate_pool_look_at_returned(struct warpgate_pool *pool) {
    while (!list_is_empty(&pool->returned)) {
        struct warpgate_link *link = link_from(pool->returned.next);
        if (!pool->is_cleared && warpgate_link_has_room(link)) {
            warpgate_pool_rest(pool, link);
        } else {
            warpgate_pool_close(pool, link);
        }
    }
}

/* The next idle link that still works, or NULL. */
static struct warpgate_link *find_idle(struct warpgate_pool *pool) {
    while (!list_is_empty(&pool->idle)) {
        struct warpgate_link *link = link_from(pool->idle.next);
        if (warpgate_link_has_room(link)) {
            return link;
        }
        warpgate_pool_close(pool, link);
    }
    return NULL;
}

static struct warpgate_link *find_shared(struct warpgate_pool *pool) {
    for (struct list *node = pool->shared.next; node != &pool->shared; node = node->next) {
        if (warpgate_link_has_room(link_from(node))) {
            return link_from(node);
        }
    }
    return NULL;
}

struct warpgate_link *warpgate_pool_find(struct warpgate_pool *pool) {
    struct warpgate_link *link = find_idle(pool);
    if (link != NULL) {
        warpgate_pool_put(pool, link, WARPGATE_PLACE_NONE);
        return link;
    }
    return find_shared(pool);
}

static void close_all(struct warpgate_pool *pool, struct list *links) {
    while (!list_is_empty(links)) {
        warpgate_pool_close(pool, link_from(links->next));
    }
}

size_t warpgate_pool_clear(struct warpgate_pool *pool) {
    size_t cancelled_count = 0;
    pool->is_cleared = true;
    for (; !list_is_empty(&pool->dialling); cancelled_count++) {
        struct warpgate_link *link = link_from(pool->dialling.next);
        warpgate_link_cancel(&link);
    }
    close_all(pool, &pool->returned);
    close_all(pool, &pool->idle);
    close_all(pool, &pool->shared);
    return cancelled_count;
}
