/* secret.h: what must not be printed, compared in variable time, or left in memory. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "base/str.h"

#define SECRET_MAX 1024

/* Text of at most SECRET_MAX - 1 bytes. There is no function that formats one. */
struct secret {
    char text[SECRET_MAX]; /* terminated */
    size_t len;
};

void secret_init(struct secret *secret);
void secret_fini(struct secret *secret); /* wipes */
enum status secret_set(struct secret *secret,
                       struct str text) MUST_USE; /* STATUS_TOO_LARGE, STATUS_INVALID (NUL) */
/* Reads a file of one line; a final newline is dropped. STATUS_NOT_FOUND, STATUS_TOO_LARGE, STATUS_INVALID (empty,
 * several lines, NUL), STATUS_FAILED. */
enum status secret_read_file(struct secret *secret, const char *path, struct why *why) MUST_USE;
bool secret_is_empty(const struct secret *secret);
struct str secret_str(const struct secret *secret);

/* Overwrites memory in a way that the compiler keeps. */
void secret_wipe(void *at, size_t len);
/* Equal contents, in time that depends on the lengths alone. */
bool secret_equal(const void *a, size_t a_len, const void *b, size_t b_len);

#endif
