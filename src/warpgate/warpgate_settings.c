#include "warpgate/warpgate_settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/memory.h"
#include "base/text.h"
#include "net/tls_context.h"
#include "pki/api_key.h"
#include "warpgate/warpgate_trust.h"

#define HTTPS_PORT 443
#define GRACE_DEFAULT_S 30
#define GRACE_MAX_S 86400
#define CA_BYTES_MAX ((size_t)1 << 20)

static enum status read_token(const struct warpgate_config *config,
                              struct warpgate_settings *settings, struct why *why) {
    struct why key_why;
    settings->token = config->token;
    if (secret_is_empty(config->token)) {
        return why_set(why, STATUS_INVALID, "token_missing",
                       "a token is required: --token KEY, --token-file FILE or WARPGATE_TOKEN");
    }
    if (api_key_check(secret_str(config->token), &key_why) != STATUS_OK) {
        return why_set(why, STATUS_DENIED, key_why.slug,
                       "this token cannot be one (%s): copy it again as a whole", key_why.text);
    }
    return STATUS_OK;
}

static enum status read_targets(const struct warpgate_config *config,
                                struct warpgate_settings *settings, struct why *why) {
    if (config->upstream_count > WARPGATE_UPSTREAMS_MAX) {
        return why_set(why, STATUS_INVALID, "upstream_count", "--upstream: at most %d",
                       WARPGATE_UPSTREAMS_MAX);
    }
    settings->targets = memory_new_array(config->upstream_count, sizeof(settings->targets[0]));
    for (size_t i = 0; i < config->upstream_count; i++) {
        struct warpgate_target *target = &settings->targets[settings->target_count];
        enum status status = warpgate_target_parse(str_from(config->upstreams[i]), target, why);
        if (status != STATUS_OK) {
            return status;
        }
        for (size_t j = 0; j < settings->target_count; j++) {
            if (strcmp(settings->targets[j].name, target->name) == 0) {
                return why_set(why, STATUS_INVALID, "upstream_name",
                               "--upstream: two are named \"%s\": give each its own name=target",
                               target->name);
            }
        }
        settings->target_count++;
    }
    return STATUS_OK;
}

static enum status read_trust(const struct warpgate_config *config,
                              struct warpgate_settings *settings, struct why *why) {
    settings->tls = memory_new_array(settings->target_count, sizeof(settings->tls[0]));
    return warpgate_trust_make(config->upstream_cas, config->upstream_ca_count, settings->targets,
                               settings->target_count, settings->tls, why);
}

static enum status read_control(const struct warpgate_config *config,
                                struct warpgate_settings *settings, struct why *why) {
    struct str url = str_from(config->control_url);
    struct str authority =
        str_starts_with(url, STR("https://")) ? str_sub(url, 8, url.len) : STR_EMPTY;
    if (str_ends_with(authority, STR("/"))) {
        authority.len--;
    }
    if (str_is_empty(authority) || str_find(authority, '/') < authority.len ||
        address_split(authority, HTTPS_PORT, settings->control_host, &settings->control_port,
                      NULL) != STATUS_OK ||
        settings->control_port == 0) {
        return why_set(why, STATUS_INVALID, "control_url",
                       "--control \"%.*s\": it is https://host or https://host:port", STR_ARG(url));
    }
    (void)snprintf(settings->control_text, sizeof(settings->control_text), "%s:%u",
                   settings->control_host, settings->control_port);
    return STATUS_OK;
}

/* The file is read once, here; the trust that it gives is tried, so that a wrong file is told before any network. */
static enum status read_ca(const struct warpgate_config *config, struct warpgate_settings *settings,
                           struct why *why) {
    if (config->ca_file == NULL) {
        return STATUS_OK;
    }
    struct why ca_why;
    settings->has_ca = true;
    if (warpgate_trust_read_file(config->ca_file, &settings->ca_pem) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "ca_file", "--ca-file %s cannot be read: %s",
                       config->ca_file, errno != 0 ? strerror(errno) : "it is too large");
    }
    struct tls_context *tls = tls_context_new(TLS_CONTROL_CLIENT);
    enum status status = tls_context_set_trust(tls, buf_str(&settings->ca_pem), &ca_why);
    tls_context_unref(&tls);
    if (status != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "ca_file",
                       "--ca-file %s holds no usable PEM certificates: %s", config->ca_file,
                       ca_why.text);
    }
    return STATUS_OK;
}

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static enum status read_name(const struct warpgate_config *config,
                             struct warpgate_settings *settings, struct why *why) {
    struct utsname host;
    bool has_host = uname(&host) == 0;
    (void)snprintf(settings->platform, sizeof(settings->platform), "linux/%.32s",
                   has_host ? host.machine : "unknown");
    if (config->name != NULL) {
        struct str name = str_from(config->name);
        bool is_good = str_to_cstr(name, settings->name, sizeof(settings->name)) == STATUS_OK &&
                       !str_is_empty(name);
        for (size_t i = 0; i < name.len && is_good; i++) {
            is_good = is_name_char(name.at[i]);
        }
        return is_good
                   ? STATUS_OK
                   : why_set(why, STATUS_INVALID, "name",
                             "--name: 1 to %d characters of A-Z a-z 0-9 . _ -", ENROLMENT_NAME_MAX);
    }
    (void)snprintf(settings->name, sizeof(settings->name), "%.64s",
                   has_host ? host.nodename : "warpgate");
    for (char *at = settings->name; *at != '\0'; at++) {
        *at = is_name_char(*at) ? *at : '-';
    }
    return STATUS_OK;
}

static enum status read_environment(const struct warpgate_config *config,
                                    struct warpgate_settings *settings, struct why *why) {
    struct str environment = str_from(config->environment);
    if (!text_is_utf8(environment) || str_to_cstr(environment, settings->environment,
                                                  sizeof(settings->environment)) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "environment",
                       "--environment: a name or an id, at most %d bytes",
                       WARPGATE_ENVIRONMENT_SIZE - 1);
    }
    return STATUS_OK;
}

static enum status read_proxy(const struct warpgate_config *config,
                              struct warpgate_settings *settings, struct why *why) {
    struct why proxy_why;
    if (config->proxy == NULL || secret_is_empty(config->proxy)) {
        return warpgate_proxy_from_environment(&settings->proxy, why);
    }
    if (warpgate_proxy_parse(secret_str(config->proxy), &settings->proxy, &proxy_why) !=
        STATUS_OK) {
        return why_set(why, STATUS_INVALID, proxy_why.slug, "--proxy: %s", proxy_why.text);
    }
    return STATUS_OK;
}

static enum status read_grace(const struct warpgate_config *config,
                              struct warpgate_settings *settings, struct why *why) {
    uint64_t seconds = GRACE_DEFAULT_S;
    if (config->grace != NULL &&
        str_to_u64(str_from(config->grace), GRACE_MAX_S, &seconds) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "grace", "--grace: seconds, from 0 to %d", GRACE_MAX_S);
    }
    settings->grace_ms = (int64_t)seconds * 1000;
    return STATUS_OK;
}

enum status warpgate_settings_read(const struct warpgate_config *config,
                                   struct warpgate_settings *settings, struct why *why) {
    static enum status (*const readers[])(const struct warpgate_config *config,
                                          struct warpgate_settings *settings, struct why *why) = {
        read_targets, read_trust, read_control, read_name,  read_environment,
        read_ca,      read_proxy, read_grace,   read_token,
    };
    *settings = (struct warpgate_settings){.token = NULL};
    buf_init(&settings->ca_pem, CA_BYTES_MAX);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]) && status == STATUS_OK; i++) {
        status = readers[i](config, settings, why);
    }
    return status;
}

void warpgate_settings_fini(struct warpgate_settings *settings) {
    buf_fini(&settings->ca_pem);
    warpgate_proxy_fini(&settings->proxy);
    if (settings->tls != NULL) {
        warpgate_trust_free(settings->tls, settings->target_count);
    }
    memory_free(settings->tls);
    memory_free(settings->targets);
}
