#include "net/tls_system_trust.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static X509_STORE *shared; /* these two under the lock */
static size_t user_count;

X509_STORE *tls_system_trust_take(void) {
    pthread_mutex_lock(&lock);
    if (user_count == 0) {
        shared = X509_STORE_new();
        if (shared == NULL) {
            abort(); /* out of memory */
        }
        (void)X509_STORE_set_default_paths(shared);
        ERR_clear_error(); /* a system without such files trusts nobody */
    }
    user_count++;
    X509_STORE *store = shared;
    pthread_mutex_unlock(&lock);
    return store;
}

void tls_system_trust_give_back(X509_STORE **store) {
    if (*store == NULL) {
        return;
    }
    *store = NULL;
    pthread_mutex_lock(&lock);
    user_count--;
    if (user_count == 0) {
        X509_STORE_free(shared);
        shared = NULL;
    }
    pthread_mutex_unlock(&lock);
}
