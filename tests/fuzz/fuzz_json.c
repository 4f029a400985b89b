/* fuzz_json.c: what a peer sends as JSON, every getter on it, and that what is written reads back the same. */
#include <stdlib.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    json_t *tree, *node, *again;
    struct why why;
    struct str text;
    struct buf out;
    uint64_t number = 0;
    bool flag;
    if (json_parse(str_make(bytes, len), &tree, &why) != STATUS_OK) {
        return 0;
    }
    (void)!json_object_check(tree, (const char *const[]){"a", "b/~"}, 2, &why);
    (void)!json_get_str(tree, "a", &text, &why);
    (void)!json_get_bool(tree, "a", &flag, &why);
    (void)!json_get_u64(tree, "a", 1000, &number, &why);
    (void)!json_get_array(tree, "a", &node, &why);
    (void)!json_get_object(tree, "a", &node, &why);
    buf_init(&out, len * 32 + 64);
    if (json_write(tree, &out) != STATUS_OK ||
        json_parse(buf_str(&out), &again, &why) != STATUS_OK || !json_equal(tree, again)) {
        abort();
    }
    json_decref(again);
    json_decref(tree);
    buf_fini(&out);
    return 0;
}
