/* fuzz_api_request.c: a request to the API before anybody is asked who it is from: path, query, body. */
#include "base/json.h"
#include "control/api_cursor.h"
#include "control/api_router.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static struct control control;
    struct api_call call = {.control = &control};
    struct api_match match = {0};
    struct store_page page;
    struct str path;
    struct str body;
    arena_init(&call.arena);
    (void)str_cut(str_make(bytes, len), '\n', &call.head.path, &body);
    (void)str_cut(call.head.path, '?', &path, &call.query);
    (void)!api_router_find(&api_router_public, STR("GET"), path, &call.arena, &match);
    call.operation = match.operation != NULL ? match.operation : &api_router_public.operations[3];
    (void)!api_cursor_page(&call, &page);
    if (json_parse(body, &call.input, &call.why) == STATUS_OK) {
        for (size_t i = 0; i < api_router_public.count; i++) {
            const struct api_schema *schema = api_router_public.operations[i].schema;
            call.faults.count = 0;
            if (schema != NULL) {
                api_schema_check(schema, call.input, &call.faults);
            }
        }
    }
    json_decref(call.input);
    arena_fini(&call.arena);
    return 0;
}
