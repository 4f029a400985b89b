/* warpgate_main.c: the agent's program: its commands and their options, nothing else. */
#include "warpgate/warpgate.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/option.h"
#include "net/descriptor_budget.h"
#include "warpgate/warpgate_memory.h"

#define DEFAULT_CONTROL "https://api.mezusphere.localhost:8443"
#define DEFAULT_UPSTREAM "localhost:8080"

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_DENIED = 3,
};

struct program {
    struct loop *loop;
    struct warpgate *warpgate;
    enum status outcome;
};

static int fail(int exit_status, const struct why *why) {
    (void)fprintf(stderr, "warpgate: %s\n", why->text);
    return exit_status;
}

static void on_ended(void *context, enum status status) {
    struct program *program = context;
    program->outcome = status;
    loop_stop(program->loop);
}

static void on_signal(void *context, int signal_number) {
    struct program *program = context;
    (void)signal_number;
    warpgate_stop(program->warpgate);
}

static int run(const struct warpgate_config *config) {
    struct program program = {.outcome = STATUS_FAILED};
    struct why why = {0};
    program.loop = loop_new(clock_system(), random_system());
    enum status status = warpgate_new(program.loop, config, &program.warpgate, &why);
    if (status != STATUS_OK) {
        loop_free(&program.loop);
        return fail(status == STATUS_DENIED ? EXIT_DENIED : EXIT_USAGE, &why);
    }
    loop_on_stop_signal(program.loop, on_signal, &program);
    warpgate_start(program.warpgate, on_ended, &program);
    loop_run(program.loop);
    warpgate_free(&program.warpgate);
    loop_free(&program.loop);
    if (program.outcome == STATUS_DENIED) {
        return EXIT_DENIED;
    }
    return program.outcome == STATUS_OK ? EXIT_DONE : EXIT_FAILED;
}

/* What the command line is read into. */
static struct {
    struct warpgate_config config;
    struct secret token;
    struct secret proxy;
    struct option_list upstreams;
    struct option_list upstream_cas;
    const char *log_level;
} line;

static const struct option options[] = {
    {"token", "KEY", OPTION_SECRET, &line.token, NULL, "API key of a service account; required."},
    {"upstream", "TARGET", OPTION_LIST, &line.upstreams, DEFAULT_UPSTREAM,
     "Workload: host:port, http://, https:// or h2c://host[:port], unix:/path; name=TARGET for one "
     "more."},
    {"upstream-ca", "PEM", OPTION_LIST, &line.upstream_cas, NULL,
     "Root certificates that https:// workloads are verified by (default: the system's); name=PEM "
     "for "
     "one workload."},
    {"control", "URL", OPTION_TEXT, &line.config.control_url, DEFAULT_CONTROL,
     "Control plane of the platform."},
    {"ca-file", "PEM", OPTION_TEXT, &line.config.ca_file, NULL,
     "Root certificates that the control plane is verified by (default: the system's)."},
    {"environment", "NAME", OPTION_TEXT, &line.config.environment, NULL,
     "Environment to serve, by name or id, where the key's project has several."},
    {"name", "NAME", OPTION_TEXT, &line.config.name, NULL,
     "Name to be shown under (default: the host's)."},
    {"proxy", "URL", OPTION_SECRET, &line.proxy, NULL,
     "HTTP proxy to control plane and edges: http://[user:password@]host:port (default: "
     "HTTPS_PROXY)."},
    {"grace", "SECONDS", OPTION_TEXT, &line.config.grace, "30",
     "Time for running requests when told to stop."},
    {"log-level", "LEVEL", OPTION_TEXT, &line.log_level, "info",
     "How much to log: debug, info, warn or error."},
};

static const struct option_set set = {
    .program = "warpgate",
    .summary =
        "Connect a workload to the platform.\nCommands: warpgate [OPTION...] | version | help",
    .env_prefix = "WARPGATE",
    .options = options,
    .count = sizeof(options) / sizeof(options[0]),
};

static int command_run(int argc, char **argv, int first) {
    struct why why = {0};
    secret_init(&line.token);
    secret_init(&line.proxy);
    enum status status = option_parse(&set, argc, argv, first, &why);
    if (status == STATUS_END) {
        option_help(&set);
        return EXIT_DONE;
    }
    if (status == STATUS_OK) {
        status = log_set_level_option(line.log_level, &why);
    }
    if (status != STATUS_OK) {
        return fail(EXIT_USAGE, &why);
    }
    line.config.token = &line.token;
    line.config.proxy = &line.proxy;
    line.config.upstreams = line.upstreams.values;
    line.config.upstream_count = line.upstreams.count;
    line.config.upstream_cas = line.upstream_cas.values;
    line.config.upstream_ca_count = line.upstream_cas.count;
    int exit_status = run(&line.config);
    secret_fini(&line.token);
    secret_fini(&line.proxy);
    return exit_status;
}

static int command_version(int argc, char **argv, int first) {
    (void)argc;
    (void)argv;
    (void)first;
    (void)printf("warpgate %s\n", MEZUSPHERE_VERSION);
    return EXIT_DONE;
}

static int command_help(int argc, char **argv, int first) {
    char help[] = "--help";
    char *words[] = {argv[0], help, NULL};
    (void)argc;
    (void)first;
    return command_run(2, words, 1);
}

static int command_later(int argc, char **argv, int first) {
    (void)argc;
    (void)first;
    (void)fprintf(stderr, "warpgate: %s is not in this version; run warpgate in the foreground\n",
                  argv[1]);
    return EXIT_USAGE;
}

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv, int first);
} commands[] = {
    {"version", command_version}, {"--version", command_version}, {"help", command_help},
    {"install", command_later},   {"uninstall", command_later},
};

int main(int argc, char **argv) {
    warpgate_memory_prepare(argv);
    descriptor_budget_raise_limit();
    for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc, argv, 2);
        }
    }
    if (argc < 2 || argv[1][0] == '-') {
        return command_run(argc, argv, 1);
    }
    (void)fprintf(stderr, "warpgate: there is no command \"%s\"; see warpgate help\n", argv[1]);
    return EXIT_USAGE;
}
