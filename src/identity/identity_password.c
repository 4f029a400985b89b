#include "identity/identity_password.h"

#include <pthread.h>
#include <stdlib.h>

#include <sodium.h>
#include <utf8proc.h>

#include "base/memory.h"
#include "base/text.h"

#define MEMORY_BYTES (UINT64_C(64) << 20)
#define PASSES 3
#define CONCURRENT_MAX 2
#define WAITING_MAX 64
#define GENERATED_LENGTH 24

_Static_assert(IDENTITY_PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "room for a PHC string");

/* Without i, l, o, I, O, 0 and 1. */
static const char generated_alphabet[] = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

struct identity_password {
    struct identity_password_config config;
    char nobody[IDENTITY_PASSWORD_HASH_SIZE]; /* what unknown accounts are checked against */
    pthread_mutex_t lock;
    pthread_cond_t turn;
    unsigned running;
    unsigned waiting;
};

static void set_defaults(struct identity_password_config *config) {
    if (config->memory_bytes == 0) {
        config->memory_bytes = MEMORY_BYTES;
    }
    if (config->passes == 0) {
        config->passes = PASSES;
    }
    if (config->concurrent_max == 0) {
        config->concurrent_max = CONCURRENT_MAX;
    }
    if (config->waiting_max == 0) {
        config->waiting_max = WAITING_MAX;
    }
}

/* In form C (Unicode Standard Annex #15). What is not UTF-8 stays what it is: nobody has such a password. */
static void normalise(struct str password, struct str *normal, utf8proc_uint8_t **owned) {
    utf8proc_ssize_t len =
        utf8proc_map((const utf8proc_uint8_t *)password.at, (utf8proc_ssize_t)password.len, owned,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (len < 0) {
        *owned = NULL;
    }
    *normal = len < 0 ? password : str_make(*owned, (size_t)len);
}

static void free_normal(struct str normal, utf8proc_uint8_t *owned) {
    if (owned != NULL) {
        secret_wipe(owned, normal.len);
        free(owned); /* the library's own malloc */
    }
}

static bool matches(const char *phc, struct str password) {
    struct str normal;
    utf8proc_uint8_t *owned = NULL;
    normalise(password, &normal, &owned);
    bool is_right = crypto_pwhash_str_verify(phc, normal.at, normal.len) == 0;
    free_normal(normal, owned);
    return is_right;
}

static bool hash(const struct identity_password *passwords, struct str password,
                 char out[IDENTITY_PASSWORD_HASH_SIZE]) {
    struct str normal;
    utf8proc_uint8_t *owned = NULL;
    normalise(password, &normal, &owned);
    bool is_made = crypto_pwhash_str(out, normal.at, normal.len, passwords->config.passes,
                                     (size_t)passwords->config.memory_bytes) == 0;
    free_normal(normal, owned);
    return is_made;
}

enum status identity_password_new(const struct identity_password_config *config,
                                  struct identity_password **passwords, struct why *why) {
    *passwords = NULL;
    if (sodium_init() < 0) {
        return why_set(why, STATUS_FAILED, "password_library", "libsodium cannot start");
    }
    struct identity_password *made = MEMORY_NEW(struct identity_password);
    if (config != NULL) {
        made->config = *config;
    }
    set_defaults(&made->config);
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->turn, NULL);
    if (!hash(made, STR("nobody"), made->nobody)) {
        identity_password_free(&made);
        return why_set(why, STATUS_FAILED, "password_library",
                       "a password cannot be hashed: too little memory?");
    }
    *passwords = made;
    return STATUS_OK;
}

void identity_password_free(struct identity_password **passwords) {
    if (*passwords == NULL) {
        return;
    }
    pthread_cond_destroy(&(*passwords)->turn);
    pthread_mutex_destroy(&(*passwords)->lock);
    memory_free(*passwords);
    *passwords = NULL;
}

static size_t count_characters(struct str text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((uint8_t)text.at[i] & 0xc0) != 0x80;
    }
    return count;
}

enum status identity_password_check(struct str password, struct why *why) {
    if (password.len > IDENTITY_PASSWORD_BYTES_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "password_long", "a password has at most %d bytes",
                       IDENTITY_PASSWORD_BYTES_MAX);
    }
    if (!text_is_utf8(password) || str_find(password, '\0') != password.len) {
        return why_set(why, STATUS_INVALID, "password_not_utf8", "a password is UTF-8 text");
    }
    if (count_characters(password) < IDENTITY_PASSWORD_CHARACTERS_MIN) {
        return why_set(why, STATUS_INVALID, "password_short",
                       "a password has at least %d characters: a sentence is easiest",
                       IDENTITY_PASSWORD_CHARACTERS_MIN);
    }
    return STATUS_OK;
}

void identity_password_generate(const struct random *random, struct secret *password) {
    secret_init(password);
    for (size_t i = 0; i < GENERATED_LENGTH; i++) {
        password->text[i] =
            generated_alphabet[random_below(random, sizeof(generated_alphabet) - 1)];
    }
    password->text[GENERATED_LENGTH] = '\0';
    password->len = GENERATED_LENGTH;
}

/* Waits for a turn, unless too many do already. */
static enum status enter(struct identity_password *passwords, struct why *why) {
    enum status status = STATUS_OK;
    pthread_mutex_lock(&passwords->lock);
    if (passwords->running == passwords->config.concurrent_max) {
        if (passwords->waiting == passwords->config.waiting_max) {
            status = why_set(why, STATUS_UNAVAILABLE, "password_busy",
                             "too many people are signing in: try again in a moment");
        } else {
            passwords->waiting++;
            while (passwords->running == passwords->config.concurrent_max) {
                pthread_cond_wait(&passwords->turn, &passwords->lock);
            }
            passwords->waiting--;
        }
    }
    if (status == STATUS_OK) {
        passwords->running++;
    }
    pthread_mutex_unlock(&passwords->lock);
    return status;
}

static void leave(struct identity_password *passwords) {
    pthread_mutex_lock(&passwords->lock);
    passwords->running--;
    pthread_cond_signal(&passwords->turn);
    pthread_mutex_unlock(&passwords->lock);
}

enum status identity_password_hash(struct identity_password *passwords, struct str password,
                                   char out[IDENTITY_PASSWORD_HASH_SIZE], struct why *why) {
    if (password.len > IDENTITY_PASSWORD_BYTES_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "password_long", "a password has at most %d bytes",
                       IDENTITY_PASSWORD_BYTES_MAX);
    }
    enum status status = enter(passwords, why);
    if (status != STATUS_OK) {
        return status;
    }
    bool is_made = hash(passwords, password, out);
    leave(passwords);
    return is_made ? STATUS_OK
                   : why_set(why, STATUS_FAILED, "password_library",
                             "a password cannot be hashed: too little memory?");
}

static enum status deny(struct why *why) {
    return why_set(why, STATUS_DENIED, "credentials_wrong", "e-mail address or password is wrong");
}

enum status identity_password_verify(struct identity_password *passwords, struct str password,
                                     struct str phc, bool *needs_rehash, struct why *why) {
    char known[IDENTITY_PASSWORD_HASH_SIZE];
    bool is_known = phc.len > 0 && str_to_cstr(phc, known, sizeof(known)) == STATUS_OK;
    /* Nobody has such a password: refused alike for every account, known or not. */
    if (password.len > IDENTITY_PASSWORD_BYTES_MAX) {
        return deny(why);
    }
    enum status status = enter(passwords, why);
    if (status != STATUS_OK) {
        return status;
    }
    bool is_right = matches(is_known ? known : passwords->nobody, password);
    leave(passwords);
    if (!is_right || !is_known) {
        return deny(why);
    }
    if (needs_rehash != NULL) {
        *needs_rehash = crypto_pwhash_str_needs_rehash(known, passwords->config.passes,
                                                       (size_t)passwords->config.memory_bytes) != 0;
    }
    return STATUS_OK;
}
