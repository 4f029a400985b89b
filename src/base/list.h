/* list.h: an intrusive doubly linked list. A node is a member of the object; CONTAINER_OF leads back. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>

struct list {
    struct list *next;
    struct list *prev;
};

static inline void list_init(struct list *list) {
    list->next = list;
    list->prev = list;
}

static inline bool list_is_empty(const struct list *list) {
    return list->next == list;
}

/* True while the node is on a list (after list_init or list_remove it is on none). */
static inline bool list_is_linked(const struct list *node) {
    return node->next != node;
}

static inline void list_append(struct list *list, struct list *node) {
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}

static inline void list_prepend(struct list *list, struct list *node) {
    node->next = list->next;
    node->prev = list;
    list->next->prev = node;
    list->next = node;
}

static inline void list_remove(struct list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#endif
