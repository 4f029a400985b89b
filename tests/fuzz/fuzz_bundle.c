/* fuzz_bundle.c: a payload as the control plane would sign it; what is accepted judges requests. */
#include <stdlib.h>

#include "policy/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct bundle *bundle;
    struct why why = {0};
    if (bundle_parse(str_make(bytes, len), &bundle, &why) != STATUS_OK) {
        return why.slug[0] == '\0' ? abort(), 0 : 0;
    }
    struct route_matcher *matcher = route_matcher_new(bundle->program);
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i <= bundle->route_count; i++) {
        const struct bundle_route *route = NULL;
        struct str host = bundle->hostname_count > 0 ? bundle->hostnames[0] : STR("localhost");
        struct str target = i < bundle->route_count ? bundle->routes[i].path : STR("/a%20b?c");
        enum bundle_verdict verdict =
            bundle_judge(bundle, matcher, host, target, &arena, &route, &why);
        if ((verdict == BUNDLE_ALLOW) != (route != NULL) ||
            (verdict == BUNDLE_ALLOW && (!bundle->is_enabled || bundle->hostname_count == 0))) {
            abort();
        }
    }
    arena_fini(&arena);
    route_matcher_free(&matcher);
    bundle_unref(&bundle);
    return 0;
}
