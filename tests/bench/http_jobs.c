/* http_jobs.c - the programs that the bench submits; data. */
#include "tests/bench/http_jobs.h"

#include <stddef.h>

#define C_SUM                                                                                      \
    "#include <stdio.h>\n"                                                                         \
    "int main(void)\n{\n    int a, b;\n"                                                           \
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
    { .name = "accept", .language = "c17", .source = C_SUM },
    { 0 },
};
