/* fuzz_usage_record.c: what an edge may say that it has counted and logged. */
#include "base/json.h"
#include "tunnel/usage_record.h"

static const char *name_code(unsigned code) {
    (void)code;
    return "code";
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct usage_record_key key;
    struct usage_record_count count;
    struct usage_record_request request;
    const json_t *codes = NULL;
    struct why why;
    json_t *tree = NULL;
    if (json_parse(str_make(bytes, len), &tree, &why) != STATUS_OK) {
        return 0;
    }
    if (usage_record_read_count(tree, &key, &count, &codes, &why) == STATUS_OK) {
        usage_record_merge(&count, &count);
        (void)histogram_quantile(&count.latency, 990);
        json_decref(usage_record_write_count(&key, &count, name_code));
    }
    if (usage_record_read_request(tree, &request, &why) == STATUS_OK) {
        json_decref(usage_record_write_request(&request));
    }
    json_decref(tree);
    return 0;
}
