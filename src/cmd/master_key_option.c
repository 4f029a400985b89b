#include "cmd/master_key_option.h"

struct store_key_source master_key_option_take(struct master_key_option *option,
                                               const char *folder) {
    option->from = (struct store_master_key){
        .folder = folder,
        .file = option->file,
        .text = &option->text,
        .command = option->command,
    };
    return store_master_key_source(&option->from);
}
