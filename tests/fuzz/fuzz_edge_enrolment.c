/* fuzz_edge_enrolment.c: what somebody who wants to be an edge may send, and what an edge may be answered. */
#include "base/json.h"
#include "tunnel/edge_enrolment.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct edge_enrolment_request request;
    struct edge_enrolment_answer answer;
    struct why why;
    json_t *tree = NULL;
    if (json_parse(str_make(bytes, len), &tree, &why) != STATUS_OK) {
        return 0;
    }
    if (edge_enrolment_request_read(tree, &request, &why) == STATUS_OK) {
        json_decref(edge_enrolment_request_write(&request));
    }
    if (edge_enrolment_answer_read(tree, &answer, &why) == STATUS_OK) {
        json_decref(edge_enrolment_answer_write(&answer));
    }
    json_decref(tree);
    return 0;
}
