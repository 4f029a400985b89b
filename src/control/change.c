#include "control/change.h"

#include "base/memory.h"
#include "pki/ca_rotation.h"

void change_list_init(struct change_list *list) {
    *list = (struct change_list){0};
}

void change_list_fini(struct change_list *list) {
    struct change *change = change_list_take(list);
    while (change != NULL) {
        change_free(&change);
        change = change_list_take(list);
    }
}

struct change *change_list_add(struct change_list *list, enum change_kind kind) {
    struct change *change = MEMORY_NEW(struct change);
    change->kind = kind;
    if (list->last == NULL) {
        list->first = change;
    } else {
        list->last->next = change;
    }
    list->last = change;
    return change;
}

struct change *change_list_take(struct change_list *list) {
    struct change *change = list->first;
    if (change == NULL) {
        return NULL;
    }
    list->first = change->next;
    if (list->first == NULL) {
        list->last = NULL;
    }
    change->next = NULL;
    return change;
}

void change_free(struct change **at) {
    struct change *change = *at;
    *at = NULL;
    if (change == NULL) {
        return;
    }
    memory_free(change->bundle);
    ca_rotation_free(&change->ca);
    memory_free(change);
}

void change_list_append(struct change_list *list, struct change_list *from) {
    if (from->first == NULL) {
        return;
    }
    if (list->last == NULL) {
        list->first = from->first;
    } else {
        list->last->next = from->first;
    }
    list->last = from->last;
    change_list_init(from);
}
