/*
 * replay.c - gives a fuzzer the inputs that were kept: its seeds, and what it once found. A program
 * of the unit tests; needs neither clang nor an engine.
 *
 * The inputs run one after the other in a child. One that kills it is named, and another child goes
 * on behind it. Ends with libcheck's summary line, which tests/run-unit reads.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "tests/fuzz/fuzz.h"

enum { INPUT_BYTES_MAX = 1 << 20, INPUT_SECONDS = 60 };

struct files {
    char **paths;
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Add what lies in `folder`; one that is missing holds nothing. */
static void add_folder(struct files *f, const char *folder)
{
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        f->paths = xrealloc(f->paths, (f->count + 1) * sizeof *f->paths);
        f->paths[f->count++] = xasprintf("%s/%s", folder, entry->d_name);
    }
    closedir(dir);
}

static void run_one(const char *path)
{
    auto_buf_ struct buf text = { 0 };
    struct err e;
    if (io_read_file(AT_FDCWD, path, INPUT_BYTES_MAX, &text, &e) != 0) {
        printf("%s\n", e.msg);
        exit(1);
    }
    /* a block of its own size, so that a sanitizer sees reading beyond its end */
    auto_free_ uint8_t *data = malloc(text.len);
    if (text.len > 0)
        memcpy(data, text.data, text.len);
    alarm(INPUT_SECONDS);
    (void)LLVMFuzzerTestOneInput(data, text.len);
    alarm(0);
}

/* Run the files from *at on, which counts them; true when the child came to the end. */
static bool run_some(const struct files *f, volatile size_t *at)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        for (; *at < f->count; ++*at)
            run_one(f->paths[*at]);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    struct files f = { 0 };
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash != NULL ? slash + 1 : argv[0];
    size_t *at = mmap(NULL, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    size_t bad = 0;
    auto_free_ char *seeds = xasprintf("tests/fuzz/seeds/%s", name);
    auto_free_ char *crashes = xasprintf("tests/fuzz/crashes/%s", name);
    for (int i = 1; i < argc; i++)
        add_folder(&f, argv[i]);
    if (argc < 2) {
        add_folder(&f, seeds);
        add_folder(&f, crashes);
    }
    if (at == MAP_FAILED)
        abort();
    if (f.count > 0)
        qsort(f.paths, f.count, sizeof *f.paths, by_name);
    while (*at < f.count && !run_some(&f, at)) {
        printf("%s: FAILED\n", *at < f.count ? f.paths[*at] : "at the end");
        bad++;
        ++*at;
    }
    printf("%zu%%: Checks: %zu, Failures: %zu, Errors: 0\n",
           f.count > 0 ? 100 * (f.count - (bad < f.count ? bad : f.count)) / f.count : 0, f.count,
           bad);
    for (size_t i = 0; i < f.count; i++)
        free(f.paths[i]);
    free(f.paths);
    return bad > 0 || f.count == 0;
}
