#include "warpgate/warpgate_trust.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum status warpgate_trust_read_file(const char *path, struct buf *out) {
    errno = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return STATUS_FAILED;
    }
    char bytes[4096];
    enum status status = STATUS_OK;
    for (size_t len = fread(bytes, 1, sizeof(bytes), file); len > 0 && status == STATUS_OK;
         len = fread(bytes, 1, sizeof(bytes), file)) {
        status = buf_append(out, bytes, len);
    }
    if (ferror(file) != 0) {
        status = STATUS_FAILED;
    }
    (void)fclose(file);
    return status;
}

/* `name` is empty for a file that is for all. */
static const char *split_name(const char *text, struct str *name) {
    struct str rest;
    if (!str_cut(str_from(text), '=', name, &rest) || !bundle_is_upstream_name(*name)) {
        *name = STR_EMPTY; /* a "=" in the path of a file */
        return text;
    }
    return rest.at;
}

static struct tls_context *make_context(enum tls_offer offer) {
    struct tls_context *tls = tls_context_new(TLS_HTTPS_CLIENT);
    tls_context_set_offer(tls, offer);
    return tls;
}

/* Without a file: the system's authorities. */
static enum status make_tls(const char *path, struct warpgate_link_tls *tls, struct why *why) {
    struct buf pem;
    struct why pem_why;
    enum status status = STATUS_OK;
    tls->any = make_context(TLS_OFFER_BOTH);
    tls->http1 = make_context(TLS_OFFER_HTTP1);
    if (path == NULL) {
        return STATUS_OK;
    }
    buf_init(&pem, WARPGATE_TRUST_BYTES_MAX);
    if (warpgate_trust_read_file(path, &pem) != STATUS_OK) {
        status = why_set(why, STATUS_INVALID, "upstream_ca", "--upstream-ca %s cannot be read: %s",
                         path, errno != 0 ? strerror(errno) : "it is too large");
    } else if (tls_context_set_trust(tls->any, buf_str(&pem), &pem_why) != STATUS_OK ||
               tls_context_set_trust(tls->http1, buf_str(&pem), &pem_why) != STATUS_OK) {
        status =
            why_set(why, STATUS_INVALID, "upstream_ca",
                    "--upstream-ca %s holds no usable PEM certificates: %s", path, pem_why.text);
    }
    buf_fini(&pem);
    return status;
}

static enum status give_own(const char *const *files, size_t file_count,
                            const struct warpgate_target *targets, size_t target_count,
                            struct warpgate_link_tls *tls, struct why *why) {
    for (size_t i = 0; i < file_count; i++) {
        struct str name;
        const char *path = split_name(files[i], &name);
        if (str_is_empty(name)) {
            continue;
        }
        size_t at = 0;
        while (at < target_count && !str_eq(name, str_from(targets[at].name))) {
            at++;
        }
        if (at == target_count || targets[at].kind != WARPGATE_TARGET_HTTPS) {
            return why_set(why, STATUS_INVALID, "upstream_ca",
                           "--upstream-ca %s: there is no https:// upstream named \"%.*s\"",
                           files[i], STR_ARG(name));
        }
        if (tls[at].any != NULL) {
            return why_set(why, STATUS_INVALID, "upstream_ca",
                           "--upstream-ca: \"%.*s\" has two; put all certificates in one file",
                           STR_ARG(name));
        }
        enum status status = make_tls(path, &tls[at], why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status find_common(const char *const *files, size_t file_count, const char **path,
                               struct why *why) {
    *path = NULL;
    for (size_t i = 0; i < file_count; i++) {
        struct str name;
        const char *rest = split_name(files[i], &name);
        if (!str_is_empty(name)) {
            continue;
        }
        if (*path != NULL) {
            return why_set(why, STATUS_INVALID, "upstream_ca",
                           "--upstream-ca: two files without a name: say name=FILE, or put all "
                           "certificates in one");
        }
        *path = rest;
    }
    return STATUS_OK;
}

enum status warpgate_trust_make(const char *const *files, size_t file_count,
                                const struct warpgate_target *targets, size_t target_count,
                                struct warpgate_link_tls *tls, struct why *why) {
    const char *path;
    struct warpgate_link_tls common = {.any = NULL};
    enum status status = find_common(files, file_count, &path, why);
    if (status == STATUS_OK) {
        status = give_own(files, file_count, targets, target_count, tls, why);
    }
    for (size_t i = 0; i < target_count && status == STATUS_OK; i++) {
        if (targets[i].kind != WARPGATE_TARGET_HTTPS || tls[i].any != NULL) {
            continue;
        }
        if (common.any == NULL) {
            status = make_tls(path, &common, why);
        }
        tls[i].any = tls_context_ref(common.any);
        tls[i].http1 = tls_context_ref(common.http1);
    }
    if (status == STATUS_OK && path != NULL && common.any == NULL) {
        status = why_set(why, STATUS_INVALID, "upstream_ca",
                         "--upstream-ca %s: there is no https:// upstream that it is for", path);
    }
    warpgate_trust_free(&common, 1);
    return status;
}

void warpgate_trust_free(struct warpgate_link_tls *tls, size_t count) {
    for (size_t i = 0; i < count; i++) {
        tls_context_unref(&tls[i].any);
        tls_context_unref(&tls[i].http1);
    }
}
