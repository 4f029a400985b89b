/* master_key_option.h: the options by which every command that opens the store is told where the master key is.
 *
 * One row each in the command's option table (MASTER_KEY_OPTIONS); afterwards master_key_option_take. What they mean: store_master_key.h.
 */
#ifndef CMD_MASTER_KEY_OPTION_H
#define CMD_MASTER_KEY_OPTION_H

#include "base/option.h"
#include "store/store_master_key.h"

struct master_key_option {
    const char *file;
    const char *command;
    struct secret text;
    struct store_master_key from; /* by master_key_option_take */
};

#define MASTER_KEY_OPTIONS(target)                                                                 \
    {"master-key-file",                                                                            \
     "PATH",                                                                                       \
     OPTION_TEXT,                                                                                  \
     &(target).file,                                                                               \
     NULL,                                                                                         \
     "File with the master key, made at the first start (default: master.key in the data "         \
     "folder)."},                                                                                  \
        {"master-key-command",                                                                     \
         "CMD",                                                                                    \
         OPTION_TEXT,                                                                              \
         &(target).command,                                                                        \
         NULL,                                                                                     \
         "Shell command that prints the master key, run at the start."},                           \
    {                                                                                              \
        "master-key", NULL, OPTION_SECRET_ENV, &(target).text, NULL,                               \
            "The master key itself: 32 bytes in base64 or hexadecimal."                            \
    }

/* The source; the option and the folder's name are borrowed for as long as it is used. */
struct store_key_source master_key_option_take(struct master_key_option *option,
                                               const char *folder);

#endif
