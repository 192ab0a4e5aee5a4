/* test_yaml.c - YAML as a tree: plain configuration in, everything clever refused; one process. */
#include "sandbox/base/yaml.h"

#include <fcntl.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "tests/unit/base/unit.h"

static struct yaml_node *must_parse(const char *text)
{
    struct yaml_node *n = NULL;
    struct err e;
    int r = yaml_parse("t.yaml", text, strlen(text), &n, &e);
    ck_assert_msg(r == 0, "refused: %s", r == 0 ? "" : e.msg);
    return n;
}

static void must_refuse(const char *text, size_t len, const char *part)
{
    struct yaml_node *n = NULL;
    struct err e;
    ck_assert_msg(yaml_parse("t.yaml", text, len, &n, &e) == -1, "accepted, wanted: %s", part);
    ck_assert_ptr_null(n);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert_msg(strncmp(e.msg, "t.yaml: ", 8) == 0, "no name in \"%s\"", e.msg);
    ck_assert_has(e.msg, part);
}

static void refuse(const char *text, const char *part)
{
    must_refuse(text, strlen(text), part);
}

START_TEST(a_mapping_keeps_order_and_lines)
{
    struct yaml_node *n = must_parse("# about\na: 1\nb:\n  c: two words\n  d: \"3\"\n");
    ck_assert_int_eq(n->kind, YAML_MAPPING);
    ck_assert_uint_eq(n->count, 2);
    ck_assert_str_eq(n->keys[0], "a");
    ck_assert_int_eq(n->items[0]->line, 2);
    ck_assert(!n->items[0]->quoted);
    const struct yaml_node *b = yaml_get(n, "b");
    ck_assert_str_eq(yaml_get(b, "c")->text, "two words");
    ck_assert_int_eq(yaml_get(b, "d")->line, 5);
    ck_assert(yaml_get(b, "d")->quoted);
    ck_assert_ptr_null(yaml_get(b, "e"));
    ck_assert_ptr_null(yaml_get(yaml_get(n, "a"), "x"));
    yaml_free(n);
}
END_TEST

START_TEST(sequences_flow_and_block_texts_are_read)
{
    struct yaml_node *n = must_parse("s: [a, b, {c: d}]\nt:\n- 1\n- - 2\nu: |\n  x\n  y\n");
    const struct yaml_node *s = yaml_get(n, "s");
    ck_assert_int_eq(s->kind, YAML_SEQUENCE);
    ck_assert_uint_eq(s->count, 3);
    ck_assert_str_eq(yaml_get(s->items[2], "c")->text, "d");
    ck_assert_int_eq(yaml_get(n, "t")->items[1]->kind, YAML_SEQUENCE);
    ck_assert_str_eq(yaml_get(n, "u")->text, "x\ny\n");
    ck_assert(yaml_get(n, "u")->quoted);
    yaml_free(n);
}
END_TEST

START_TEST(an_empty_file_is_an_empty_mapping)
{
    static const char *const empty[] = { "", "\n\n", "# only a comment\n" };
    for (size_t i = 0; i < ARRAY_COUNT(empty); i++) {
        struct yaml_node *n = must_parse(empty[i]);
        ck_assert_int_eq(n->kind, YAML_MAPPING);
        ck_assert_uint_eq(n->count, 0);
        yaml_free(n);
    }
    yaml_free(NULL);
}
END_TEST

START_TEST(a_key_without_value_is_an_empty_text)
{
    struct yaml_node *n = must_parse("a:\nb: ''\n");
    ck_assert_str_eq(yaml_get(n, "a")->text, "");
    ck_assert(!yaml_get(n, "a")->quoted);
    ck_assert(yaml_get(n, "b")->quoted);
    yaml_free(n);
}
END_TEST

START_TEST(a_duplicate_key_is_named_with_its_line)
{
    refuse("a: 1\nb: 2\na: 3\n", "line 3: duplicate key \"a\"");
    refuse("x:\n  y: 1\n  \"y\": 2\n", "line 3: duplicate key \"y\"");
}
END_TEST

START_TEST(anchors_aliases_and_tags_are_refused)
{
    refuse("a: &x 1\n", "line 1: anchors");
    refuse("a: &x {b: 1}\n", "anchors");
    refuse("a: &x [1]\n", "anchors");
    refuse("a: *x\n", "aliases");
    refuse("a: !!int 1\n", "tags");
    refuse("a: !x [1]\n", "tags");
    refuse("&k a: 1\n", "anchors");
    refuse("a: 1\n*a : 2\n", "line 2: expected a plain key");
    refuse("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", "line 1: anchors");
}
END_TEST

START_TEST(a_broken_file_is_named_with_its_line)
{
    refuse("a: 1\nb: [1, 2\n", "line 3:");
    refuse("a: 1\n\tb: 2\n", "line 2:");
    refuse("a: \"x\n", "line 2:");
    refuse("a: 1\n b: 2\n", "line 2:");
    refuse("[a, b]: 1\n", "line 1: expected a plain key");
    refuse("a: 1\n---\nb: 2\n", "found a second");
}
END_TEST

START_TEST(nul_bytes_and_bad_utf8_are_refused)
{
    must_refuse("a: b\0c\n", 7, "");
    refuse("a: \"b\\0c\"\n", "NUL");
    refuse("a: \xff\xfe\n", "byte 3");
    refuse("a: \xed\xa0\x80\n", "byte 3");
    must_refuse("\xff\xfe"
                "a\0:\0 \0b\0",
                10, "byte 0");
}
END_TEST

START_TEST(deep_nesting_is_refused_before_it_costs_anything)
{
    size_t len = 1 << 20;
    char *text = xmalloc(len + 1);
    memset(text, '[', len);
    text[len] = '\0';
    must_refuse(text, len, "nested too deep");
    for (size_t i = 0; i + 1 < len; i += 2)
        memcpy(text + i, "- ", 2);
    must_refuse(text, len, "nested too deep");
    for (size_t i = 0; i + 4 <= len; i += 4)
        memcpy(text + i, "{a: ", 4);
    must_refuse(text, len, "nested too deep");
    free(text);
}
END_TEST

START_TEST(thirty_levels_are_not_too_deep)
{
    struct yaml_node *n =
        must_parse("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    yaml_free(n);
}
END_TEST

START_TEST(too_many_values_or_keys_are_refused)
{
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < 60000; i++)
        buf_puts(&b, "- 1\n");
    must_refuse(buf_text(&b), b.len, "too many values");
    buf_done(&b);
    for (int i = 0; i < 3000; i++)
        buf_printf(&b, "key%d: 1\n", i);
    must_refuse(buf_text(&b), b.len, "line 2001: too many keys");
}
END_TEST

START_TEST(files_are_read_up_to_one_mib)
{
    char path[] = "/tmp/minos-yaml-XXXXXX";
    auto_fd_ int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "a: 1\n", 5), 5);
    struct yaml_node *n = NULL;
    struct err e;
    ck_assert_int_eq(yaml_load(path, &n, &e), 0);
    ck_assert_str_eq(yaml_get(n, "a")->text, "1");
    yaml_free(n);
    ck_assert_int_eq(ftruncate(fd, (1 << 20) + 1), 0);
    ck_assert_int_eq(yaml_load(path, &n, &e), -1);
    ck_assert_has(e.msg, path);
    ck_assert_has(e.msg, "1048576 bytes");
    unlink(path);
    ck_assert_int_eq(yaml_load(path, &n, &e), -1);
    ck_assert_int_eq(e.kind, ERR_SYS);
    ck_assert_has(e.msg, path);
}
END_TEST

UNIT_MAIN("yaml", a_mapping_keeps_order_and_lines, sequences_flow_and_block_texts_are_read,
          an_empty_file_is_an_empty_mapping, a_key_without_value_is_an_empty_text,
          a_duplicate_key_is_named_with_its_line, anchors_aliases_and_tags_are_refused,
          a_broken_file_is_named_with_its_line, nul_bytes_and_bad_utf8_are_refused,
          deep_nesting_is_refused_before_it_costs_anything, thirty_levels_are_not_too_deep,
          too_many_values_or_keys_are_refused, files_are_read_up_to_one_mib)
