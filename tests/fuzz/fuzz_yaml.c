/* fuzz_yaml.c: what is read as YAML can be written as JSON. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli_yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct why why;
    json_t *tree = NULL;
    if (cli_yaml_parse(str_make(bytes, len), &tree, &why) != STATUS_OK) {
        return 0;
    }
    char *text = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL) {
        abort();
    }
    free(text);
    json_decref(tree);
    return 0;
}
