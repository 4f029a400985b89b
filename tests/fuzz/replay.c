/* replay.c: runs a fuzz target over the files of its corpus folders, so that `make test` needs no fuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int replay_file(const char *path) {
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    /* An exact allocation, so that the address sanitizer sees a read past the end. */
    uint8_t *copy = malloc(len > 0 ? len : 1);
    if (copy == NULL) {
        return 1;
    }
    for (size_t i = 0; i < len; i++) {
        copy[i] = bytes[i];
    }
    (void)LLVMFuzzerTestOneInput(copy, len);
    free(copy);
    return 0;
}

int main(int argc, char **argv) {
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        if (folder == NULL) {
            perror(argv[i]);
            return 1;
        }
        for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
            char path[4096];
            if (entry->d_name[0] == '.') {
                continue;
            }
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (replay_file(path) != 0) {
                return 1;
            }
            count++;
        }
        closedir(folder);
    }
    printf("%zu inputs replayed\n", count);
    return count > 0 ? 0 : 1;
}
