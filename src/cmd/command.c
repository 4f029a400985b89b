#include "cmd/command.h"

#include <stdio.h>

struct store_config command_place_config(const struct command_place *place) {
    return (struct store_config){
        .data_folder = place->data,
        .database = database_option_url(&place->database),
    };
}

bool command_parse(const struct option_set *set, int argc, char **argv, int *exit_status) {
    struct why why = {0};
    enum status status = option_parse(set, argc, argv, 2, &why);
    *exit_status = COMMAND_DONE;
    if (status == STATUS_END) {
        option_help(set);
        return false;
    }
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "mezusphere: %s\n", why.text);
        *exit_status = COMMAND_USAGE;
        return false;
    }
    return true;
}

int command_fail(const struct why *why) {
    (void)fprintf(stderr, "mezusphere: %s [%s]\n", why->text, why->slug);
    return COMMAND_FAILED;
}

bool command_requires(const char *flag, const char *value, int *exit_status) {
    if (value != NULL && value[0] != '\0') {
        return true;
    }
    (void)fprintf(stderr, "mezusphere: --%s is needed\n", flag);
    *exit_status = COMMAND_USAGE;
    return false;
}
