#include "base/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* of a flag or an environment variable; tables are ours, so longer ones are our own fault */
#define NAME_SIZE 128

/* Copies of lists from the environment and from defaults, cut at their commas: the environment itself has to stay
 * whole for child processes. They live as long as the process, as the environment does. */
struct kept_copy {
    struct kept_copy *next;
    char *text;
};

static struct kept_copy *kept_copies;

static char *keep_copy(const char *text) {
    struct kept_copy *kept = MEMORY_NEW(struct kept_copy);
    kept->text = memory_dup(text, strlen(text));
    kept->next = kept_copies;
    kept_copies = kept;
    return kept->text;
}

/* "log-level" becomes WARPGATE_LOG_LEVEL; `suffix` is "" or "_FILE". */
static void write_env_name(const struct option_set *set, const struct option *option,
                           const char *suffix, char out[NAME_SIZE]) {
    snprintf(out, NAME_SIZE, "%s_%s%s", set->env_prefix, option->name, suffix);
    for (char *at = out; *at != '\0'; at++) {
        if (*at == '-') {
            *at = '_';
        } else if (*at >= 'a' && *at <= 'z') {
            *at = (char)(*at - 32);
        }
    }
}

/* An empty variable counts as absent: that is what compose files make of a variable that is not set. */
static const char *read_env(const char *name) {
    const char *value = getenv(name);
    return value == NULL || *value == '\0' ? NULL : value;
}

static bool is_one_of(const char *text, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum status add_to_list(struct option_list *list, const char *value, const char *from,
                               struct why *why) {
    if (list->count == OPTION_VALUES_MAX) {
        return why_set(why, STATUS_INVALID, "option_too_many", "%s takes at most %d values", from,
                       OPTION_VALUES_MAX);
    }
    list->values[list->count++] = value;
    return STATUS_OK;
}

static enum status set_list(struct option_list *list, const char *text, const char *from,
                            struct why *why) {
    char *rest = keep_copy(text);
    while (rest != NULL) {
        char *comma = strchr(rest, ',');
        if (comma != NULL) {
            *comma++ = '\0';
        }
        if (*rest == '\0') {
            return why_set(why, STATUS_INVALID, "option_value",
                           "%s has an empty value between commas", from);
        }
        enum status status = add_to_list(list, rest, from, why);
        if (status != STATUS_OK) {
            return status;
        }
        rest = comma;
    }
    return STATUS_OK;
}

static enum status set_secret(struct secret *secret, const char *text, const char *from,
                              struct why *why) {
    enum status status = secret_set(secret, str_from(text));
    if (status != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "option_value", "%s takes at most %d bytes", from,
                       SECRET_MAX - 1);
    }
    return STATUS_OK;
}

static enum status set_flag(bool *flag, const char *text, const char *from, struct why *why) {
    static const char *const yes[] = {"1", "true", "yes"};
    static const char *const no[] = {"0", "false", "no"};
    *flag = is_one_of(text, yes, 3);
    if (!*flag && !is_one_of(text, no, 3)) {
        return why_set(why, STATUS_INVALID, "option_value", "%s has to be true or false", from);
    }
    return STATUS_OK;
}

/* Sets a value that comes from the environment or the table; `from` names the origin for people. */
static enum status set_value(const struct option *option, const char *text, const char *from,
                             struct why *why) {
    switch (option->kind) {
    case OPTION_FLAG:
        return set_flag(option->target, text, from, why);
    case OPTION_TEXT:
        *(const char **)option->target = text;
        return STATUS_OK;
    case OPTION_LIST:
        return set_list(option->target, text, from, why);
    case OPTION_SECRET:
    case OPTION_SECRET_ENV:
        return set_secret(option->target, text, from, why);
    }
    return STATUS_OK;
}

static enum status set_from_file(const struct option *option, const char *path, const char *from,
                                 struct why *why) {
    struct why inner;
    if (secret_read_file(option->target, path, &inner) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "option_file", "%s: %s", from, inner.text);
    }
    return STATUS_OK;
}

static void clear_target(const struct option *option) {
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)option->target = false;
        break;
    case OPTION_TEXT:
        *(const char **)option->target = NULL;
        break;
    case OPTION_LIST:
        ((struct option_list *)option->target)->count = 0;
        break;
    case OPTION_SECRET:
    case OPTION_SECRET_ENV:
        secret_fini(option->target);
        break;
    }
}

/* Secrets leave the environment even when a flag overrides them: child processes and /proc/PID/environ would show
 * them. The bytes are overwritten because unsetenv only drops the pointer. */
static void forget_env(const char *name) {
    char *value = getenv(name);
    if (value != NULL) {
        secret_wipe(value, strlen(value));
        unsetenv(name);
    }
}

static enum status read_secret_env(const struct option_set *set, const struct option *option,
                                   bool *is_set, struct why *why) {
    char name[NAME_SIZE];
    char file_name[NAME_SIZE];
    write_env_name(set, option, "", name);
    write_env_name(set, option, "_FILE", file_name);
    const char *value = read_env(name);
    const char *path = read_env(file_name);
    if (value != NULL && path != NULL) {
        return why_set(why, STATUS_INVALID, "option_conflict", "set %s or %s, not both", name,
                       file_name);
    }
    *is_set = value != NULL || path != NULL;
    if (path != NULL) {
        return set_from_file(option, path, file_name, why);
    }
    return value == NULL ? STATUS_OK : set_value(option, value, name, why);
}

static enum status read_plain_env(const struct option_set *set, const struct option *option,
                                  bool *is_set, struct why *why) {
    char name[NAME_SIZE];
    write_env_name(set, option, "", name);
    const char *value = read_env(name);
    *is_set = value != NULL;
    return value == NULL ? STATUS_OK : set_value(option, value, name, why);
}

/* For an option without a flag on the command line: environment, then default. */
static enum status set_unflagged(const struct option_set *set, const struct option *option,
                                 struct why *why) {
    bool is_set = false;
    enum status status = STATUS_OK;
    if (set->env_prefix != NULL) {
        status = option->kind == OPTION_SECRET ? read_secret_env(set, option, &is_set, why)
                                               : read_plain_env(set, option, &is_set, why);
    }
    if (status != STATUS_OK || is_set || option->fallback == NULL) {
        return status;
    }
    return set_value(option, option->fallback, option->name, why);
}

/* One flag as found on the command line. */
struct flag {
    const struct option *option;
    bool is_file;    /* --name-file of a secret */
    struct str name; /* as typed, with its dashes */
    char *value;     /* after "=", the next argument, or NULL */
    bool took_next;
};

static bool is_flag_name(struct str typed, const struct option *option, const char *suffix) {
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "--%s%s", option->name, suffix);
    return str_eq(typed, str_from(name));
}

static bool is_letter(struct str typed, const struct option *option) {
    return option->letter != '\0' && typed.len == 2 && typed.at[1] == option->letter;
}

/* " up", or nothing. */
static const char *command_of(const struct option_set *set) {
    return set->command == NULL ? "" : set->command;
}

static const char *gap_of(const struct option_set *set) {
    return set->command == NULL ? "" : " ";
}

static enum status find_option(const struct option_set *set, struct flag *flag, struct why *why) {
    for (size_t i = 0; i < set->count; i++) {
        const struct option *option = &set->options[i];
        if (option->kind == OPTION_SECRET_ENV) {
            continue;
        }
        flag->is_file = option->kind == OPTION_SECRET && is_flag_name(flag->name, option, "-file");
        if (flag->is_file || is_flag_name(flag->name, option, "") ||
            is_letter(flag->name, option)) {
            flag->option = option;
            return STATUS_OK;
        }
    }
    struct str shown = str_sub(flag->name, 0, 40);
    return why_set(why, STATUS_INVALID, "option_unknown", "unknown option %.*s: see %s%s%s --help",
                   STR_ARG(shown), set->program, gap_of(set), command_of(set));
}

static enum status read_flag(const struct option_set *set, int argc, char **argv, int at,
                             struct flag *flag, struct why *why) {
    char *typed = argv[at];
    /* A stray argument is not quoted: it may be half of a secret. */
    bool is_long = strncmp(typed, "--", 2) == 0 && typed[2] != '\0';
    bool is_short = typed[0] == '-' && typed[1] != '-' && typed[1] != '\0' && typed[2] == '\0';
    if (!is_long && !is_short) {
        return why_set(why, STATUS_INVALID, "option_stray",
                       "argument %d is not an option: options start with --, see %s%s%s --help", at,
                       set->program, gap_of(set), command_of(set));
    }
    char *equals = strchr(typed, '=');
    *flag = (struct flag){
        .name = str_make(typed, equals == NULL ? strlen(typed) : (size_t)(equals - typed)),
        .value = equals == NULL ? NULL : equals + 1,
    };
    enum status status = find_option(set, flag, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (flag->option->kind == OPTION_FLAG) {
        return flag->value == NULL ? STATUS_OK
                                   : why_set(why, STATUS_INVALID, "option_value",
                                             "--%s takes no value", flag->option->name);
    }
    if (flag->value == NULL && at + 1 < argc && strncmp(argv[at + 1], "--", 2) != 0) {
        flag->value = argv[at + 1];
        flag->took_next = true;
    }
    if (flag->value == NULL) {
        return why_set(why, STATUS_INVALID, "option_value_missing", "%.*s needs a value: %.*s %s",
                       STR_ARG(flag->name), STR_ARG(flag->name),
                       flag->is_file ? "PATH" : flag->option->argument);
    }
    return STATUS_OK;
}

static enum status apply_flag(const struct flag *flag, bool *is_seen, struct why *why) {
    const struct option *option = flag->option;
    char from[NAME_SIZE];
    snprintf(from, sizeof(from), "--%s", option->name);
    bool is_again = *is_seen;
    *is_seen = true;
    if (is_again && option->kind != OPTION_LIST && option->kind != OPTION_FLAG) {
        return why_set(why, STATUS_INVALID, "option_repeated", "%s may be given only once", from);
    }
    if (option->kind == OPTION_FLAG) {
        *(bool *)option->target = true;
        return STATUS_OK;
    }
    if (option->kind == OPTION_LIST) {
        return add_to_list(option->target, flag->value, from, why);
    }
    if (flag->is_file) {
        return set_from_file(option, flag->value, from, why);
    }
    return set_value(option, flag->value, from, why);
}

/* "-" alone stands for standard input, and is an argument. */
static bool is_positional(const struct option_set *set, const char *typed) {
    return set->positionals != NULL && (typed[0] != '-' || typed[1] == '\0');
}

static enum status take_positionals(const struct option_set *set, int argc, char **argv, int first,
                                    struct why *why) {
    for (int at = first; at < argc; at++) {
        enum status status = add_to_list(set->positionals, argv[at], command_of(set), why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status parse_flags(const struct option_set *set, int argc, char **argv, int first,
                               bool *seen, struct why *why) {
    for (int at = first; at < argc; at++) {
        struct flag flag = {0};
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
            return STATUS_END;
        }
        if (set->positionals != NULL && strcmp(argv[at], "--") == 0) {
            return take_positionals(set, argc, argv, at + 1, why);
        }
        if (is_positional(set, argv[at])) {
            enum status taken = take_positionals(set, at + 1, argv, at, why);
            if (taken != STATUS_OK) {
                return taken;
            }
            continue;
        }
        enum status status = read_flag(set, argc, argv, at, &flag, why);
        if (status != STATUS_OK) {
            return status;
        }
        status = apply_flag(&flag, &seen[flag.option - set->options], why);
        if (flag.option->kind == OPTION_SECRET && !flag.is_file) {
            secret_wipe(flag.value, strlen(flag.value));
        }
        if (status != STATUS_OK) {
            return status;
        }
        at += flag.took_next ? 1 : 0;
    }
    return STATUS_OK;
}

static void forget_secret_envs(const struct option_set *set) {
    char name[NAME_SIZE];
    for (size_t i = 0; set->env_prefix != NULL && i < set->count; i++) {
        enum option_kind kind = set->options[i].kind;
        if (kind == OPTION_SECRET || kind == OPTION_SECRET_ENV) {
            write_env_name(set, &set->options[i], "", name);
            forget_env(name);
        }
    }
}

enum status option_parse(const struct option_set *set, int argc, char **argv, int first,
                         struct why *why) {
    bool *seen = memory_new_array(set->count, sizeof(*seen));
    for (size_t i = 0; i < set->count; i++) {
        clear_target(&set->options[i]);
    }
    if (set->positionals != NULL) {
        set->positionals->count = 0;
    }
    enum status status = parse_flags(set, argc, argv, first, seen, why);
    for (size_t i = 0; status == STATUS_OK && i < set->count; i++) {
        if (!seen[i]) {
            status = set_unflagged(set, &set->options[i], why);
        }
    }
    forget_secret_envs(set);
    memory_free(seen);
    return status;
}

static void print_option(const struct option_set *set, const struct option *option) {
    char left[NAME_SIZE];
    char env[NAME_SIZE];
    if (option->kind == OPTION_SECRET_ENV) {
        write_env_name(set, option, "", env);
        printf("  %-28s %s\n", env, option->help);
        return;
    }
    char letter[] = {'-', option->letter, ',', ' ', '\0'};
    snprintf(left, sizeof(left), "%s--%s%s%s", option->letter == '\0' ? "" : letter, option->name,
             option->argument == NULL ? "" : " ", option->argument == NULL ? "" : option->argument);
    printf("  %-28s %s", left, option->help);
    if (option->kind == OPTION_LIST) {
        printf(" May repeat.");
    }
    if (option->fallback != NULL) {
        printf(" Default: %s.", option->fallback);
    }
    putchar('\n');
    if (option->kind == OPTION_SECRET) {
        snprintf(left, sizeof(left), "--%s-file PATH", option->name);
        printf("  %-28s The same, read from a file.\n", left);
    }
    if (set->env_prefix != NULL) {
        write_env_name(set, option, "", env);
        printf(
            "  %-28s Environment: %s%s%s%s\n", "", env, option->kind == OPTION_SECRET ? " or " : "",
            option->kind == OPTION_SECRET ? env : "", option->kind == OPTION_SECRET ? "_FILE" : "");
    }
}

void option_help(const struct option_set *set) {
    printf("Usage: %s%s%s [options]%s%s\n\n%s\n\nOptions:\n", set->program, gap_of(set),
           command_of(set), set->arguments == NULL ? "" : " ",
           set->arguments == NULL ? "" : set->arguments, set->summary);
    for (size_t i = 0; i < set->count; i++) {
        print_option(set, &set->options[i]);
    }
    printf("  %-28s Show this text.\n", "--help");
}
