#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

void secret_init(struct secret *secret) {
    secret->text[0] = '\0';
    secret->len = 0;
}

void secret_fini(struct secret *secret) {
    secret_wipe(secret, sizeof(*secret));
}

enum status secret_set(struct secret *secret, struct str text) {
    if (text.len >= SECRET_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (str_find(text, '\0') != text.len) {
        return STATUS_INVALID;
    }
    secret_wipe(secret, sizeof(*secret));
    if (text.len > 0) {
        memcpy(secret->text, text.at, text.len);
    }
    secret->text[text.len] = '\0';
    secret->len = text.len;
    return STATUS_OK;
}

/* Reads to the end, or until `room` is full. -1: errno says why. */
static ssize_t read_all(int fd, char *out, size_t room) {
    size_t len = 0;
    while (len < room) {
        ssize_t got = read(fd, out + len, room - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static enum status set_line(struct secret *secret, struct str line, const char *path,
                            struct why *why) {
    if (str_ends_with(line, STR("\n"))) {
        line.len--;
    }
    if (str_ends_with(line, STR("\r"))) {
        line.len--;
    }
    if (line.len >= SECRET_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "secret_too_large", "%s holds more than %d bytes",
                       path, SECRET_MAX - 1);
    }
    if (line.len == 0) {
        return why_set(why, STATUS_INVALID, "secret_empty", "%s is empty", path);
    }
    if (str_find(line, '\n') != line.len || secret_set(secret, line) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "secret_invalid", "%s has to hold one line of text",
                       path);
    }
    return STATUS_OK;
}

enum status secret_read_file(struct secret *secret, const char *path, struct why *why) {
    char bytes[SECRET_MAX + 2]; /* room for the newline, and to see that there is more */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT) {
        return why_set(why, STATUS_NOT_FOUND, "secret_file_missing", "%s does not exist", path);
    }
    if (fd < 0) {
        return why_set(why, STATUS_FAILED, "secret_file", "cannot open %s: %s", path,
                       strerror(errno));
    }
    ssize_t len = read_all(fd, bytes, sizeof(bytes));
    enum status status;
    if (len < 0) {
        status =
            why_set(why, STATUS_FAILED, "secret_file", "cannot read %s: %s", path, strerror(errno));
    } else {
        status = set_line(secret, str_make(bytes, (size_t)len), path, why);
    }
    secret_wipe(bytes, sizeof(bytes));
    close(fd);
    return status;
}

bool secret_is_empty(const struct secret *secret) {
    return secret->len == 0;
}

struct str secret_str(const struct secret *secret) {
    return str_make(secret->text, secret->len);
}

void secret_wipe(void *at, size_t len) {
    explicit_bzero(at, len);
}

bool secret_equal(const void *a, size_t a_len, const void *b, size_t b_len) {
    /* volatile: no compiler may leave the loop early. */
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    uint8_t difference = 0;
    if (a_len != b_len) {
        return false;
    }
    for (size_t i = 0; i < a_len; i++) {
        difference = (uint8_t)(difference | (x[i] ^ y[i]));
    }
    return difference == 0;
}
