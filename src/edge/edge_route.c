/* edge_route.c: step 2: which route of the environment is it, and may this address use it? The decision itself is policy's (bundle_judge), and the
 * warpgate makes it again. */
#include "edge/edge_request.h"

static const enum edge_code code_of_verdict[] = {
    [BUNDLE_ALLOW] = EDGE_CODE_NONE,
    [BUNDLE_BAD_PATH] = EDGE_CODE_BAD_PATH,
    [BUNDLE_NO_ROUTE] = EDGE_CODE_NO_ROUTE,
    [BUNDLE_DISABLED] = EDGE_CODE_ENVIRONMENT_DISABLED,
    [BUNDLE_WRONG_HOST] = EDGE_CODE_HOST_NOT_SERVED,
    [BUNDLE_NOT_ENFORCED] = EDGE_CODE_POLICY_NOT_ENFORCED,
    [BUNDLE_BAD_ADDRESS] = EDGE_CODE_ADDRESS_REFUSED,
};

enum edge_step_result edge_route(struct edge_request *request) {
    struct why why = {0};
    enum bundle_verdict verdict =
        bundle_judge(request->bundle, request->environment->matcher, request->head->authority,
                     request->head->path, request->arena, &request->route, &why);
    if (verdict == BUNDLE_ALLOW) {
        verdict = bundle_judge_address(request->bundle, request->route,
                                       str_from(request->visitor->ip_address), &why);
    }
    if (verdict != BUNDLE_ALLOW) {
        return edge_request_refuse(request, code_of_verdict[verdict], &why);
    }
    return EDGE_STEP_NEXT;
}
