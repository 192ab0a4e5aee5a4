/*
 * fuzz_manifest.c - any bytes as the manifest of a backup: libFuzzer's entry.
 *
 * What is accepted, written and read again is the same; what is not is refused as input.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "schema/backup.h"
#include "schema/manifest.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char folder[] = "/dev/shm/minos-fuzz-XXXXXX";
    struct backup_summary b = { 0 }, again = { 0 };
    struct err e = { 0 };
    assert(mkdtemp(folder) != NULL);
    auto_fd_ int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_fd_ int fd = openat(dir, MANIFEST_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert(dir >= 0 && fd >= 0 && io_write_all(fd, data, len) == 0);
    if (manifest_read(dir, &b, &e) == 0) {
        int r = manifest_write(dir, &b, &e) | manifest_read(dir, &again, &e);
        assert(r == 0 && memcmp(&b, &again, sizeof b) == 0);
    } else {
        assert(e.kind == ERR_INPUT && e.msg[0] != '\0');
    }
    (void)unlinkat(dir, MANIFEST_FILE, 0);
    int r = rmdir(folder);
    assert(r == 0);
    return 0;
}
