#include "base/option_doc.h"

#include <string.h>

/* The man page */

/* Dashes that can be copied, and no line that begins with a request. */
static void write_roff(const char *text, FILE *out) {
    bool is_line_start = true;
    for (; *text != '\0'; text++) {
        if (is_line_start && (*text == '.' || *text == '\'')) {
            (void)fputs("\\&", out);
        }
        if (*text == '\\') {
            (void)fputs("\\e", out);
        } else if (*text == '-') {
            (void)fputs("\\-", out);
        } else {
            (void)fputc(*text, out);
        }
        is_line_start = *text == '\n';
    }
}

static void write_capitals(const char *text, FILE *out) {
    for (; *text != '\0'; text++) {
        char c = *text == '-' ? '_' : *text;
        (void)fputc(c >= 'a' && c <= 'z' ? c - 32 : c, out);
    }
}

static void write_environment(const struct option_set *set, const struct option *option,
                              FILE *out) {
    if (set->env_prefix == NULL) {
        return;
    }
    (void)fprintf(out, " Environment: \\fB%s_", set->env_prefix);
    write_capitals(option->name, out);
    (void)fputs("\\fR", out);
    if (option->kind == OPTION_SECRET) {
        (void)fprintf(out, " or \\fB%s_", set->env_prefix);
        write_capitals(option->name, out);
        (void)fputs("_FILE\\fR", out);
    }
    (void)fputc('.', out);
}

static void write_flag(const struct option *option, const char *suffix, const char *argument,
                       FILE *out) {
    (void)fputs(".TP\n", out);
    if (option->letter != '\0' && suffix[0] == '\0') {
        (void)fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
    }
    (void)fputs("\\fB", out);
    write_roff("--", out);
    write_roff(option->name, out);
    write_roff(suffix, out);
    (void)fputs("\\fR", out);
    if (argument != NULL) {
        (void)fprintf(out, " \\fI%s\\fR", argument);
    }
    (void)fputc('\n', out);
}

static void write_option(const struct option_set *set, const struct option *option, FILE *out) {
    if (option->kind == OPTION_SECRET_ENV) {
        (void)fprintf(out, ".TP\n\\fB%s_", set->env_prefix);
        write_capitals(option->name, out);
        (void)fputs("\\fR\n", out);
        write_roff(option->help, out);
        (void)fputs(" Environment only.\n", out);
        return;
    }
    write_flag(option, "", option->argument, out);
    write_roff(option->help, out);
    if (option->kind == OPTION_LIST) {
        (void)fputs(" May repeat.", out);
    }
    if (option->fallback != NULL) {
        (void)fputs(" Default: ", out);
        write_roff(option->fallback, out);
        (void)fputc('.', out);
    }
    write_environment(set, option, out);
    (void)fputc('\n', out);
    if (option->kind == OPTION_SECRET) {
        write_flag(option, "-file", "PATH", out);
        (void)fputs("The same, read from a file.\n", out);
    }
}

static void write_command(const struct option_doc *doc, const struct option_doc_command *command,
                          FILE *out) {
    const struct option_set *set = command->set;
    if (command->name != NULL) {
        (void)fputs(".SS ", out);
        write_roff(doc->program, out);
        (void)fputc(' ', out);
        write_roff(command->name, out);
        if (set != NULL) {
            (void)fputs(" [OPTION...]", out);
        }
        if (set != NULL && set->arguments != NULL) {
            (void)fputc(' ', out);
            write_roff(set->arguments, out);
        }
        (void)fputc('\n', out);
    }
    write_roff(set != NULL ? set->summary : command->help, out);
    (void)fputc('\n', out);
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        write_option(set, &set->options[i], out);
    }
}

void option_doc_man(const struct option_doc *doc, FILE *out) {
    (void)fputs(".TH ", out);
    write_capitals(doc->program, out);
    (void)fprintf(out, " 1 \"\" \"%s %s\"\n.SH NAME\n%s \\- ", doc->program, doc->version,
                  doc->program);
    write_roff(doc->summary, out);
    (void)fprintf(out, "\n.SH SYNOPSIS\n\\fB%s\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n",
                  doc->program);
    (void)fputs(".SH COMMANDS\n", out);
    for (size_t i = 0; i < doc->count; i++) {
        write_command(doc, &doc->commands[i], out);
    }
    (void)fputs(".SH NOTES\nA flag comes before the environment, the environment before the "
                "default. Secrets given as flags are wiped from the command line.\n",
                out);
}

/* Completions */

static bool is_shown(const struct option *option) {
    return option->kind != OPTION_SECRET_ENV;
}

static bool takes_path(const struct option *option) {
    static const char *const words[] = {"PATH", "DIR", "FILE", "PEM"};
    for (size_t i = 0; option->argument != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(option->argument, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void write_names(const struct option_set *set, FILE *out) {
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        const struct option *option = &set->options[i];
        if (is_shown(option)) {
            (void)fprintf(out, "--%s ", option->name);
        }
        if (option->kind == OPTION_SECRET) {
            (void)fprintf(out, "--%s-file ", option->name);
        }
    }
    (void)fputs("--help", out);
}

static void write_commands(const struct option_doc *doc, FILE *out) {
    const char *gap = "";
    for (size_t i = 0; i < doc->count; i++) {
        if (doc->commands[i].name != NULL) {
            (void)fprintf(out, "%s%s", gap, doc->commands[i].name);
            gap = " ";
        }
    }
}

static void write_bash(const struct option_doc *doc, FILE *out) {
    (void)fprintf(out,
                  "_%s() {\n"
                  "    local words current=\"${COMP_WORDS[COMP_CWORD]}\"\n"
                  "    case \"${COMP_WORDS[1]}\" in\n",
                  doc->program);
    for (size_t i = 0; i < doc->count; i++) {
        if (doc->commands[i].name != NULL && doc->commands[i].set != NULL) {
            (void)fprintf(out, "    %s) words=\"", doc->commands[i].name);
            write_names(doc->commands[i].set, out);
            (void)fputs("\" ;;\n", out);
        }
    }
    (void)fputs("    *) words=\"", out);
    write_commands(doc, out);
    for (size_t i = 0; i < doc->count; i++) {
        if (doc->commands[i].name == NULL) {
            (void)fputc(' ', out);
            write_names(doc->commands[i].set, out);
        }
    }
    (void)fprintf(out,
                  "\" ;;\n"
                  "    esac\n"
                  "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                  "}\n"
                  "complete -o default -F _%s %s\n",
                  doc->program, doc->program);
}

/* Between single quotes. */
static void write_quoted(const char *text, FILE *out) {
    for (; *text != '\0' && *text != '\n'; text++) {
        (void)fputs(*text == '\'' ? "'\\''" : (char[]){*text, '\0'}, out);
    }
}

/* In zsh's specifications colons and brackets have a meaning. */
static void write_zsh_text(const char *text, FILE *out) {
    for (; *text != '\0' && *text != '\n'; text++) {
        if (strchr(":[]\\", *text) != NULL) {
            (void)fputc('\\', out);
        }
        (void)fputs(*text == '\'' ? "'\\''" : (char[]){*text, '\0'}, out);
    }
}

static void write_zsh_options(const struct option_set *set, FILE *out) {
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        const struct option *option = &set->options[i];
        if (!is_shown(option)) {
            continue;
        }
        (void)fprintf(out, " \\\n            '%s--%s[", option->kind == OPTION_LIST ? "*" : "",
                      option->name);
        write_zsh_text(option->help, out);
        (void)fputc(']', out);
        if (option->argument != NULL) {
            (void)fprintf(out, ":%s:%s", option->argument, takes_path(option) ? "_files" : "");
        }
        (void)fputc('\'', out);
    }
}

static void write_zsh(const struct option_doc *doc, FILE *out) {
    (void)fprintf(out, "#compdef %s\n_%s() {\n    local -a commands\n    commands=(\n",
                  doc->program, doc->program);
    for (size_t i = 0; i < doc->count; i++) {
        if (doc->commands[i].name != NULL) {
            (void)fprintf(out, "        '%s:", doc->commands[i].name);
            write_zsh_text(doc->commands[i].help, out);
            (void)fputs("'\n", out);
        }
    }
    (void)fputs("    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n"
                "        return\n    fi\n    case \"$words[2]\" in\n",
                out);
    for (size_t i = 0; i < doc->count; i++) {
        if (doc->commands[i].set != NULL) {
            (void)fprintf(out, "    %s)\n        _arguments -s",
                          doc->commands[i].name == NULL ? "*" : doc->commands[i].name);
            write_zsh_options(doc->commands[i].set, out);
            (void)fputs(" \\\n            '*:argument:_files' ;;\n", out);
        }
    }
    (void)fprintf(out, "    esac\n}\n_%s \"$@\"\n", doc->program);
}

static void write_fish_options(const struct option_doc *doc,
                               const struct option_doc_command *command, FILE *out) {
    const struct option_set *set = command->set;
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        const struct option *option = &set->options[i];
        if (!is_shown(option)) {
            continue;
        }
        (void)fprintf(out, "complete -c %s", doc->program);
        if (command->name != NULL) {
            (void)fprintf(out, " -n '__fish_seen_subcommand_from %s'", command->name);
        }
        (void)fprintf(out, " -l %s", option->name);
        if (option->letter != '\0') {
            (void)fprintf(out, " -s %c", option->letter);
        }
        if (option->argument != NULL) {
            (void)fputs(takes_path(option) ? " -r -F" : " -x", out);
        }
        (void)fputs(" -d '", out);
        write_quoted(option->help, out);
        (void)fputs("'\n", out);
    }
}

static void write_fish(const struct option_doc *doc, FILE *out) {
    for (size_t i = 0; i < doc->count; i++) {
        const struct option_doc_command *command = &doc->commands[i];
        if (command->name != NULL) {
            (void)fprintf(out, "complete -c %s -n __fish_use_subcommand -f -a %s -d '",
                          doc->program, command->name);
            write_quoted(command->help, out);
            (void)fputs("'\n", out);
        }
        write_fish_options(doc, command, out);
    }
}

enum status option_doc_completion(const struct option_doc *doc, const char *shell, FILE *out,
                                  struct why *why) {
    static const struct {
        const char *shell;
        void (*write)(const struct option_doc *doc, FILE *out);
    } shells[] = {{"bash", write_bash}, {"zsh", write_zsh}, {"fish", write_fish}};
    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(shell, shells[i].shell) == 0) {
            shells[i].write(doc, out);
            return STATUS_OK;
        }
    }
    return why_set(why, STATUS_INVALID, "shell_unknown",
                   "there are completions for bash, zsh and fish, not for \"%.20s\"", shell);
}
