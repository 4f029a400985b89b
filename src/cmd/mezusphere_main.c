/* mezusphere_main.c: the server program: its commands and their options, nothing else. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/option.h"
#include "cmd/up.h"

#define DEFAULT_DOMAIN "mezusphere.localhost"

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
};

static int usage(const struct why *why) {
    (void)fprintf(stderr, "mezusphere: %s\n", why->text);
    return EXIT_USAGE;
}

static int command_up(int argc, char **argv) {
    struct up_config config = {0};
    const char *log_level = NULL;
    const struct option options[] = {
        {"data", "DIR", OPTION_TEXT, &config.data, "mezusphere-data",
         "Folder for everything that is kept; made if it does not exist."},
        {"listen", "ADDR:PORT", OPTION_TEXT, &config.listen, "127.0.0.1:8443",
         "Where visitors, warpgates and the API are served, all on one port."},
        {"domain", "NAME", OPTION_TEXT, &config.domain, DEFAULT_DOMAIN,
         "Domain of the platform's names: api.NAME, edge.NAME, and a name for each environment."},
        {"public-port", "PORT", OPTION_TEXT, &config.public_port, NULL,
         "Port in URLs, where it differs from the one listened on."},
        {"admin-email", "EMAIL", OPTION_TEXT, &config.admin_email, NULL,
         "E-mail of the owner that the first start makes (default: admin@ the domain)."},
        {"admin-password", "PASSWORD", OPTION_SECRET, &config.admin_password, NULL,
         "Password of that owner; without it, one is generated and printed once."},
        {"demo", NULL, OPTION_FLAG, &config.is_demo, NULL,
         "Add a sample project with a workload and a running warpgate."},
        {"log-level", "LEVEL", OPTION_TEXT, &log_level, "info",
         "How much to log: debug, info, warn or error."},
    };
    const struct option_set set = {
        .program = "mezusphere",
        .command = "up",
        .summary = "Run control plane and edge in one process, on one port.",
        .env_prefix = "MEZUSPHERE",
        .options = options,
        .count = sizeof options / sizeof options[0],
    };
    struct why why = {0};
    char admin_email[300];
    enum status status = option_parse(&set, argc, argv, 2, &why);
    if (status == STATUS_END) {
        option_help(&set);
        return EXIT_DONE;
    }
    if (status == STATUS_OK) {
        status = log_set_level_option(log_level, &why);
    }
    if (status != STATUS_OK) {
        return usage(&why);
    }
    if (config.admin_email == NULL) {
        (void)snprintf(admin_email, sizeof admin_email, "admin@%s", config.domain);
        config.admin_email = admin_email;
    }
    return up_run(&config);
}

static int command_version(int argc, char **argv) {
    (void)argc;
    (void)argv;
    (void)printf("mezusphere %s\n", MEZUSPHERE_VERSION);
    return EXIT_DONE;
}

static int command_help(int argc, char **argv);

static const struct command {
    const char *name;
    const char *help;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"up", "Run control plane and edge in one process, on one port", command_up},
    {"version", "Print the version", command_version},
    {"help", "Print this", command_help},
};

static int command_help(int argc, char **argv) {
    (void)argc;
    (void)argv;
    (void)printf("mezusphere: open, self-hosted inverted ingress\n\nusage: mezusphere COMMAND "
                 "[OPTION...]\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        (void)printf("  %-10s %s\n", commands[i].name, commands[i].help);
    }
    (void)printf("\nmezusphere COMMAND --help tells the options of a command.\n");
    return EXIT_DONE;
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        name = "help";
    }
    if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc, argv);
        }
    }
    (void)fprintf(stderr, "mezusphere: there is no command \"%s\"; see mezusphere help\n", name);
    return EXIT_USAGE;
}
