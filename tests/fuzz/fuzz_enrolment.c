/* fuzz_enrolment.c: what a warpgate may send to the control plane, and what it may be answered. */
#include "base/json.h"
#include "tunnel/enrolment.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct enrolment_request request;
    struct enrolment_answer answer;
    struct why why;
    json_t *tree = NULL;
    if (json_parse(str_make(bytes, len), &tree, &why) != STATUS_OK) {
        return 0;
    }
    if (enrolment_request_read(tree, &request, &why) == STATUS_OK) {
        json_decref(enrolment_request_write(&request));
    }
    if (enrolment_answer_read(tree, &answer, &why) == STATUS_OK) {
        json_decref(enrolment_answer_write(&answer));
    }
    json_decref(tree);
    return 0;
}
