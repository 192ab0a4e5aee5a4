/* http_jobs.c - the programs that the bench submits; data. */
#include "tests/bench/http_jobs.h"

#include <stddef.h>

#define C_SUM                                                                                      \
    "#include <stdio.h>\n"                                                                         \
    "int main(void)\n{\n    int a, b;\n"                                                           \
    "    return scanf(\"%d %d\", &a, &b) == 2 && printf(\"%d\\n\", a + b) > 0 ? 0 : 1;\n}\n"

/* The same, a millisecond later. */
#define C_SUM_1_MS                                                                                 \
    "#include <stdio.h>\n#include <time.h>\n"                                                      \
    "static double ms(void)\n{\n    struct timespec t;\n"                                          \
    "    clock_gettime(CLOCK_MONOTONIC, &t);\n    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;\n}\n"   \
    "int main(void)\n{\n    int a, b;\n    double start = ms();\n    while (ms() < start + 1)\n"   \
    "        ;\n"                                                                                  \
    "    return scanf(\"%d %d\", &a, &b) == 2 && printf(\"%d\\n\", a + b) > 0 ? 0 : 1;\n}\n"

#define PYTHON_SUM "print(sum(map(int, input().split())))\n"

#define JAVA_SUM                                                                                   \
    "public class Main {\n"                                                                        \
    "    public static void main(String[] args) throws Exception {\n"                              \
    "        String[] n = new String(System.in.readAllBytes()).trim().split(\" \");\n"             \
    "        System.out.println(Integer.parseInt(n[0]) + Integer.parseInt(n[1]));\n    }\n}\n"

const struct job http_jobs[] = {
    { .name = "c-cached", .language = "c17", .source = C_SUM, .wait = true },
    { .name = "c-new", .language = "c17", .source = C_SUM, .fresh = true, .wait = true },
    { .name = "python", .language = "python3", .source = PYTHON_SUM, .wait = true },
    { .name = "java-cached", .language = "java", .source = JAVA_SUM, .wait = true },
    { .name = "hundred", .language = "c17", .source = C_SUM_1_MS, .tests = 100, .wait = true },
    { .name = "bulk", .language = "c17", .source = C_SUM, .priority = -100 },
    { .name = "accept", .language = "c17", .source = C_SUM },
    { 0 },
};
