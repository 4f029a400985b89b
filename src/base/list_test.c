#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"

struct item {
    int number;
    struct list node;
};

static void links_and_unlinks(void **state) {
    struct list list;
    struct item items[3] = {{1, {0}}, {2, {0}}, {3, {0}}};
    (void)state;
    list_init(&list);
    assert_true(list_is_empty(&list));
    for (int i = 0; i < 3; i++) {
        list_init(&items[i].node);
        assert_false(list_is_linked(&items[i].node));
    }
    list_append(&list, &items[1].node);
    list_append(&list, &items[2].node);
    list_prepend(&list, &items[0].node);
    assert_false(list_is_empty(&list));
    int wanted = 1;
    for (struct list *at = list.next; at != &list; at = at->next) {
        assert_ptr_equal(at->next->prev, at);
        assert_int_equal(CONTAINER_OF(at, struct item, node)->number, wanted++);
    }
    assert_int_equal(wanted, 4);
    list_remove(&items[1].node);
    assert_false(list_is_linked(&items[1].node));
    assert_ptr_equal(items[0].node.next, &items[2].node);
    list_remove(&items[1].node); /* once more does nothing */
    list_remove(&items[0].node);
    list_remove(&items[2].node);
    assert_true(list_is_empty(&list));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(links_and_unlinks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
