/* mezusphere_main.c: the server program: its commands and their options, nothing else. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/option.h"
#include "base/option_doc.h"
#include "cli/cli_apply.h"
#include "cli/cli_ca.h"
#include "cli/cli_login.h"
#include "cli/cli_logs.h"
#include "cli/cli_object.h"
#include "cmd/apart_control.h"
#include "cmd/apart_edge.h"
#include "cmd/command_backup.h"
#include "cmd/command_migrate.h"
#include "cmd/command_restore.h"
#include "cmd/command_rotate_key.h"
#include "cmd/mail_option.h"
#include "cmd/up.h"
#include "edge/edge.h"
#include "net/descriptor_budget.h"
#include "net/tls_memory.h"

#define DEFAULT_DOMAIN "mezusphere.localhost"
#define GRACE_SECONDS_MAX 600
#define RETENTION_DAYS_MAX 36500
#define DELETION_GRACE_SECONDS_MAX (UINT64_C(365) * 24 * 3600)

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
};

static int usage(const struct why *why) {
    (void)fprintf(stderr, "mezusphere: %s\n", why->text);
    return EXIT_USAGE;
}

static enum status read_number(const char *flag, const char *text, uint64_t least, uint64_t most,
                               uint64_t *number, struct why *why) {
    if (str_to_u64(str_from(text), most, number) != STATUS_OK || *number < least) {
        return why_set(why, STATUS_INVALID, "option_number",
                       "--%s: \"%s\" is not a number from %llu to %llu", flag, text,
                       (unsigned long long)least, (unsigned long long)most);
    }
    return STATUS_OK;
}

static unsigned count_processors(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    if (count < 1) {
        return 1;
    }
    return count < EDGE_WORKERS_MAX ? (unsigned)count : EDGE_WORKERS_MAX;
}

/* The options that are numbers, as text. */
struct numbers {
    const char *workers;
    const char *grace;
    const char *audit_retention;
    const char *warpgate_retention;
    const char *memory_limit;
    const char *max_visitors;
    const char *deletion_grace;
    const char *api_rate;
};

static enum status read_numbers(const struct numbers *texts, struct up_config *config,
                                struct why *why) {
    uint64_t workers = count_processors();
    uint64_t grace_seconds = 0;
    uint64_t audit_days = 0;
    uint64_t warpgate_days = 0;
    uint64_t memory_megabytes = 0;
    uint64_t visitors = 0;
    uint64_t deletion_grace_seconds = 0;
    uint64_t api_rate = 0;
    const struct {
        const char *flag;
        const char *text;
        uint64_t least;
        uint64_t most;
        uint64_t *number;
    } rows[] = {
        {"workers", texts->workers, 1, EDGE_WORKERS_MAX, &workers},
        {"grace", texts->grace, 0, GRACE_SECONDS_MAX, &grace_seconds},
        {"audit-retention", texts->audit_retention, 1, RETENTION_DAYS_MAX, &audit_days},
        {"warpgate-retention", texts->warpgate_retention, 1, RETENTION_DAYS_MAX, &warpgate_days},
        {"memory-limit", texts->memory_limit, 32, UINT32_MAX, &memory_megabytes},
        {"max-visitors", texts->max_visitors, 1, UINT32_MAX, &visitors},
        {"deletion-grace", texts->deletion_grace, 1, DELETION_GRACE_SECONDS_MAX,
         &deletion_grace_seconds},
        {"api-rate", texts->api_rate, 1, 1000000, &api_rate},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum status status = rows[i].text == NULL
                                 ? STATUS_OK
                                 : read_number(rows[i].flag, rows[i].text, rows[i].least,
                                               rows[i].most, rows[i].number, why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    config->worker_count = (unsigned)workers;
    config->audit_keep_days = (unsigned)audit_days;
    config->warpgate_keep_days = (unsigned)warpgate_days;
    config->grace_ms = (int64_t)grace_seconds * 1000;
    config->memory_limit_bytes = (size_t)memory_megabytes << 20;
    config->visitor_max = (size_t)visitors;
    config->deletion_grace_ms = (int64_t)deletion_grace_seconds * 1000;
    config->api_rate = (uint32_t)api_rate;
    return STATUS_OK;
}

/* What the command line of `up` is read into. */
static struct {
    struct up_config config;
    struct numbers numbers;
    const char *log_level;
    char admin_email[300];
} up_line;

/* clang-format off */
/* What makes a control plane, in whichever command. */
#define CONTROL_OPTIONS                                                                            \
    {"admin-email", "EMAIL", OPTION_TEXT, &up_line.config.admin_email, NULL,                       \
     "E-mail of the owner that the first start makes (default: admin@ the domain)."},              \
    {"admin-password", "PASSWORD", OPTION_SECRET, &up_line.config.admin_password, NULL,            \
     "Password of that owner; without it, one is generated and printed once."},                    \
    DATABASE_OPTION(up_line.config.database),                                                      \
    MASTER_KEY_OPTIONS(up_line.config.master_key),                                                 \
    MAIL_OPTIONS(up_line.config.mail),                                                             \
    {"operators-make-organizations", NULL, OPTION_FLAG,                                            \
     &up_line.config.only_operators_make_organizations, NULL,                                      \
     "Only operators make organizations; without it, whoever is signed in may."},                  \
    {"deletion-grace", "SECONDS", OPTION_TEXT, &up_line.numbers.deletion_grace, "604800",          \
     "How long a deleted organization can be restored (default: seven days)."},                    \
    {"audit-retention", "DAYS", OPTION_TEXT, &up_line.numbers.audit_retention, "400",              \
     "How long audit events are kept."},                                                           \
    {"warpgate-retention", "DAYS", OPTION_TEXT, &up_line.numbers.warpgate_retention, "30",         \
     "How long a warpgate that is not connected stays in the list."},                              \
    {"api-rate", "N", OPTION_TEXT, &up_line.numbers.api_rate, "1000",                              \
     "Reads a second that each caller of the API may make, in the long run; of changes a fifth."}

/* What makes an edge, in whichever command. */
#define EDGE_OPTIONS                                                                               \
    {"workers", "N", OPTION_TEXT, &up_line.numbers.workers, NULL,                                  \
     "Threads that serve visitors and tunnels, 1 to 8 (default: as many as there are CPUs)."},     \
    {"grace", "SECONDS", OPTION_TEXT, &up_line.numbers.grace, "30",                                \
     "How long requests may go on when the program is told to stop."},                             \
    {"memory-limit", "MB", OPTION_TEXT, &up_line.numbers.memory_limit, NULL,                       \
     "Memory to stay under, by refusing new requests (default: the control group's, or 80 % of "   \
     "the machine's)."},                                                                           \
    {"max-visitors", "N", OPTION_TEXT, &up_line.numbers.max_visitors, NULL,                        \
     "Connections of visitors at a time (default: as many as there are descriptors for)."}
/* clang-format on */

static const struct option up_options[] = {
    {"data", "DIR", OPTION_TEXT, &up_line.config.data, "mezusphere-data",
     "Folder for everything that is kept; made if it does not exist."},
    {"listen", "ADDR:PORT", OPTION_TEXT, &up_line.config.listen, "127.0.0.1:8443",
     "Where visitors, warpgates and the API are served, all on one port."},
    {"domain", "NAME", OPTION_TEXT, &up_line.config.domain, DEFAULT_DOMAIN,
     "Domain of the platform's names: api.NAME, edge.NAME, and a name for each environment."},
    {"public-port", "PORT", OPTION_TEXT, &up_line.config.public_port, NULL,
     "Port in URLs, where it differs from the one listened on."},
    CONTROL_OPTIONS,
    {"demo", NULL, OPTION_FLAG, &up_line.config.is_demo, NULL,
     "Add a sample project with a workload and a running warpgate."},
    {"replace", NULL, OPTION_FLAG, &up_line.config.is_replacing, NULL,
     "Take over from the process that runs with the same data, without refusing a connection."},
    EDGE_OPTIONS,
    {"log-level", "LEVEL", OPTION_TEXT, &up_line.log_level, "info",
     "How much to log: debug, info, warn or error."},
};

static const struct option_set up_set = {
    .program = "mezusphere",
    .command = "up",
    .summary = "Run control plane and edge in one process, on one port.",
    .env_prefix = "MEZUSPHERE",
    .options = up_options,
    .count = sizeof up_options / sizeof up_options[0],
};

static int run_control_part(const struct option_set *set, int argc, char **argv,
                            int (*run)(struct up_config *config)) {
    struct up_config *config = &up_line.config;
    struct why why = {0};
    config->argc = argc;
    config->argv = argv;
    enum status status = option_parse(set, argc, argv, 2, &why);
    if (status == STATUS_END) {
        option_help(set);
        return EXIT_DONE;
    }
    if (status == STATUS_OK) {
        status = log_set_level_option(up_line.log_level, &why);
    }
    if (status == STATUS_OK) {
        status = read_numbers(&up_line.numbers, config, &why);
    }
    if (status != STATUS_OK) {
        return usage(&why);
    }
    if (config->admin_email == NULL) {
        (void)snprintf(up_line.admin_email, sizeof up_line.admin_email, "admin@%s", config->domain);
        config->admin_email = up_line.admin_email;
    }
    return run(config);
}

static int command_up(int argc, char **argv) {
    return run_control_part(&up_set, argc, argv, up_run);
}

static const struct option control_options[] = {
    {"data", "DIR", OPTION_TEXT, &up_line.config.data, "mezusphere-data",
     "Folder for everything that is kept; made if it does not exist."},
    {"listen", "ADDR:PORT", OPTION_TEXT, &up_line.config.listen, "127.0.0.1:8443",
     "Where the API, edges and warpgates' enrolment are served."},
    {"domain", "NAME", OPTION_TEXT, &up_line.config.domain, DEFAULT_DOMAIN,
     "Domain of the platform's names: api.NAME, edge.NAME, and a name for each environment."},
    {"public-port", "PORT", OPTION_TEXT, &up_line.config.public_port, NULL,
     "Port of the edges, in URLs (default: 443)."},
    {"control-address", "HOST:PORT", OPTION_LIST, &up_line.config.control_addresses, NULL,
     "Where edges find a control plane of this installation; repeat it for each (default: api.NAME "
     "and the port listened on)."},
    CONTROL_OPTIONS,
    {"replace", NULL, OPTION_FLAG, &up_line.config.is_replacing, NULL,
     "Take over from the process that runs with the same data, without refusing a connection."},
    {"log-level", "LEVEL", OPTION_TEXT, &up_line.log_level, "info",
     "How much to log: debug, info, warn or error."},
};

static const struct option_set control_set = {
    .program = "mezusphere",
    .command = "control",
    .summary = "Run the control plane by itself: the API, and what edges and warpgates ask.",
    .env_prefix = "MEZUSPHERE",
    .options = control_options,
    .count = sizeof control_options / sizeof control_options[0],
};

static int command_control(int argc, char **argv) {
    up_line.numbers.grace = "30";
    return run_control_part(&control_set, argc, argv, apart_control_run);
}

/* What the command line of `edge` is read into. */
static struct apart_edge_config edge_line;

static const struct option edge_options[] = {
    {"join", "TOKEN", OPTION_SECRET, &edge_line.join, NULL,
     "One-time token to join with, at the first start: it says where the control plane is."},
    {"data", "DIR", OPTION_TEXT, &edge_line.data, "mezusphere-edge",
     "Folder for the edge's key and for what it serves by, sealed; made if it does not exist."},
    {"listen", "ADDR:PORT", OPTION_TEXT, &edge_line.listen, "127.0.0.1:8444",
     "Where visitors and warpgates' tunnels are served."},
    {"public-address", "HOST:PORT", OPTION_TEXT, &edge_line.public_address, NULL,
     "Where warpgates dial this edge, told when it joins (default: edge.DOMAIN and the port "
     "listened on)."},
    {"name", "NAME", OPTION_TEXT, &edge_line.name, NULL,
     "What it is called when it joins (default: the machine's name)."},
    {"control", "URL", OPTION_LIST, &edge_line.controls, NULL,
     "Where to join, instead of the addresses in the token; may be repeated."},
    {"seal-key", "SECRET", OPTION_SECRET, &edge_line.seal_key, NULL,
     "What the data folder is sealed with (default: the file seal.key in it)."},
    {"replace", NULL, OPTION_FLAG, &edge_line.is_replacing, NULL,
     "Take over from the process that runs with the same data, without refusing a connection."},
    EDGE_OPTIONS,
    {"log-level", "LEVEL", OPTION_TEXT, &up_line.log_level, "info",
     "How much to log: debug, info, warn or error."},
};

static const struct option_set edge_set = {
    .program = "mezusphere",
    .command = "edge",
    .summary = "Run an edge by itself: visitors and tunnels.",
    .env_prefix = "MEZUSPHERE",
    .options = edge_options,
    .count = sizeof edge_options / sizeof edge_options[0],
};

static int command_edge(int argc, char **argv) {
    struct why why = {0};
    enum status status = option_parse(&edge_set, argc, argv, 2, &why);
    if (status == STATUS_END) {
        option_help(&edge_set);
        return EXIT_DONE;
    }
    if (status == STATUS_OK) {
        status = log_set_level_option(up_line.log_level, &why);
    }
    if (status == STATUS_OK) {
        status = read_numbers(&up_line.numbers, &up_line.config, &why);
    }
    if (status != STATUS_OK) {
        return usage(&why);
    }
    edge_line.argc = argc;
    edge_line.argv = argv;
    edge_line.worker_count = up_line.config.worker_count;
    edge_line.grace_ms = up_line.config.grace_ms;
    edge_line.memory_limit_bytes = up_line.config.memory_limit_bytes;
    edge_line.visitor_max = up_line.config.visitor_max;
    return apart_edge_run(&edge_line);
}

static int command_version(int argc, char **argv) {
    (void)argc;
    (void)argv;
    (void)printf("mezusphere %s\n", MEZUSPHERE_VERSION);
    return EXIT_DONE;
}

static int command_help(int argc, char **argv);

static int command_completion(int argc, char **argv);
static int command_man(int argc, char **argv);

static const struct command {
    struct option_doc_command doc;
    int (*run)(int argc, char **argv);
} commands[] = {
    {{"up", "Run control plane and edge in one process, on one port", &up_set}, command_up},
    {{"control", "Run the control plane by itself", &control_set}, command_control},
    {{"edge", "Run an edge by itself", &edge_set}, command_edge},
    {{"login", "Sign in, and keep the session", &cli_login_set}, cli_login_run},
    {{"logout", "End the session that was kept", &cli_login_out_set}, cli_login_out_run},
    {{"get", "Show a list of objects, or one", &cli_object_get_set}, cli_object_get_run},
    {{"create", "Make an object", &cli_object_create_set}, cli_object_create_run},
    {{"set", "Change members of an object", &cli_object_set_set}, cli_object_set_run},
    {{"delete", "Delete objects", &cli_object_delete_set}, cli_object_delete_run},
    {{"apply", "Bring a project to what a document says", &cli_apply_set}, cli_apply_run},
    {{"diff", "Tell what apply would change", &cli_apply_diff_set}, cli_apply_diff_run},
    {{"export", "Print a project as a document", &cli_apply_export_set}, cli_apply_export_run},
    {{"logs", "Show an environment's requests", &cli_logs_set}, cli_logs_run},
    {{"ca", "The internal CA: its state, and a new root", &cli_ca_set}, cli_ca_run},
    {{"backup", "Write everything that is kept into one file", &command_backup_set},
     command_backup},
    {{"restore", "Put a backup in the place of everything that is kept", &command_restore_set},
     command_restore},
    {{"rotate-key", "Put a new master key in the place of the present one",
      &command_rotate_key_set},
     command_rotate_key},
    {{"migrate", "Bring the database's schema up to date without serving", &command_migrate_set},
     command_migrate},
    {{"completion", "Print completions for bash, zsh or fish", NULL}, command_completion},
    {{"man", "Print the manual as a man page", NULL}, command_man},
    {{"version", "Print the version", NULL}, command_version},
    {{"help", "Print this", NULL}, command_help},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void collect(struct option_doc_command docs[COMMAND_COUNT], struct option_doc *doc) {
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        docs[i] = commands[i].doc;
    }
    *doc = (struct option_doc){"mezusphere", MEZUSPHERE_VERSION,
                               "open, self-hosted inverted ingress", docs, COMMAND_COUNT};
}

static int command_completion(int argc, char **argv) {
    struct option_doc_command docs[COMMAND_COUNT];
    struct option_doc doc;
    struct why why = {0};
    collect(docs, &doc);
    enum status status = option_doc_completion(&doc, argc > 2 ? argv[2] : "nothing", stdout, &why);
    return status == STATUS_OK ? EXIT_DONE : usage(&why);
}

static int command_man(int argc, char **argv) {
    struct option_doc_command docs[COMMAND_COUNT];
    struct option_doc doc;
    (void)argc;
    (void)argv;
    collect(docs, &doc);
    option_doc_man(&doc, stdout);
    return EXIT_DONE;
}

static int command_help(int argc, char **argv) {
    (void)argc;
    (void)argv;
    (void)printf("mezusphere: open, self-hosted inverted ingress\n\nusage: mezusphere COMMAND "
                 "[OPTION...]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        (void)printf("  %-10s %s\n", commands[i].doc.name, commands[i].doc.help);
    }
    (void)printf("\nmezusphere COMMAND --help tells the options of a command.\n");
    return EXIT_DONE;
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "help";
    tls_memory_install();
    descriptor_budget_raise_limit();
    /* Threads for what blocks: most of them wait for the disk, and those who wait together share one sync (store_sync.h). */
    (void)setenv("UV_THREADPOOL_SIZE", "16", 0);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        name = "help";
    }
    if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, commands[i].doc.name) == 0) {
            return commands[i].run(argc, argv);
        }
    }
    (void)fprintf(stderr, "mezusphere: there is no command \"%s\"; see mezusphere help\n", name);
    return EXIT_USAGE;
}
