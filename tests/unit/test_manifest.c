#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "image/source.h"
#include "model/layer_report.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define GZIP "application/vnd.oci.image.layer.v1.tar+gzip"

struct fixture {
    struct pl_arena a;
    struct pl_image image;
    pl_digest config;
    struct pl_err err;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){ 0 };
    pl_arena_init(&f.a, 64 * PL_MIB);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    pl_arena_done(&((struct fixture *)*state)->a);
    return 0;
}

static pl_rc manifest(struct fixture *f, const char *json)
{
    return pl_manifest_parse(pl_span_str(json), PL_SPAN_NONE, &PL_LIMITS, &f->a, &f->image,
                             &f->config, &f->err);
}

static pl_rc config(struct fixture *f, const char *json)
{
    return pl_config_parse(pl_span_str(json), &PL_LIMITS, &f->a, &f->image, &f->err);
}

static const struct pl_gap *gap(struct fixture *f, size_t i)
{
    assert_true(i < f->image.gaps.n);
    return (const struct pl_gap *)f->image.gaps.items + i;
}

static void assert_text(pl_span s, const char *want)
{
    if (!pl_span_eq(s, pl_span_str(want)))
        fail_msg("\"%.*s\", not \"%s\"", PL_FMT(s), want);
}

static void kinds(void **state)
{
    (void)state;
    pl_span none = { 0 };
    assert_string_equal(pl_document_kind(none, PL_LIT("{\"manifests\":[]}")), "index");
    assert_string_equal(pl_document_kind(none, PL_LIT("{\"layers\":[],\"config\":{}}")),
                        "manifest");
    assert_string_equal(pl_document_kind(none, PL_LIT("{\"fsLayers\":[]}")), "schema1");
    assert_string_equal(
        pl_document_kind(PL_LIT("application/vnd.docker.distribution.manifest.list.v2+json; q=1"),
                         PL_LIT("x")),
        "index");
    assert_string_equal(
        pl_document_kind(none,
                         PL_LIT("{\"mediaType\":\"application/vnd.oci.image.index.v1+json\"}")),
        "index");
    assert_null(pl_document_kind(PL_LIT("application/json"), PL_LIT("[1]")));
    assert_null(pl_document_kind(none, PL_LIT("{")));
}

static void layers_and_config(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(manifest(f, "{\"config\":{\"digest\":\"" A "\"},\"layers\":["
                                 "{\"mediaType\":\"" GZIP "\",\"digest\":\"" B "\",\"size\":5},"
                                 "{\"mediaType\":\"" GZIP "\",\"digest\":\"" C "\",\"size\":6}],"
                                 "\"annotations\":{\"org.opencontainers.image.base.name\":\"x\"}}"),
                     PL_OK);
    assert_string_equal(f->config.text, A);
    assert_int_equal(f->image.size, 11);
    assert_text(f->image.base_name, "x");
    assert_int_equal(
        config(f, "{\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[\"" C "\",\"" B "\"]},\"history\":["
                  "{\"created_by\":\"one\"},{\"created_by\":\"ENV\",\"empty_layer\":true},"
                  "{\"created_by\":\"two\",\"comment\":\"c\"}]}"),
        PL_OK);
    assert_int_equal(f->image.n_layers, 3);
    assert_text(f->image.layers[0].created_by, "one");
    assert_string_equal(f->image.layers[0].digest.text, B);
    assert_string_equal(f->image.layers[0].diff_id.text, C);
    assert_true(f->image.layers[1].empty);
    assert_int_equal(f->image.layers[1].index, 1);
    assert_text(f->image.layers[2].created_by, "two");
    assert_string_equal(f->image.layers[2].digest.text, C);
    assert_int_equal(f->image.gaps.n, 0);
}

/* kaniko, ko, jib and bazel: one entry, or none. */
static void history_that_disagrees(void **state)
{
    struct fixture *f = *state;
    const char *two = "{\"config\":{\"digest\":\"" A "\"},\"layers\":[{\"digest\":\"" B
                      "\"},{\"digest\":\"" C "\"}]}";
    static const char *const histories[] = {
        "{\"rootfs\":{\"diff_ids\":[\"" A "\",\"" B "\"]},\"history\":[{\"created_by\":\"x\"}]}",
        "{\"rootfs\":{\"diff_ids\":[\"" A "\",\"" B "\"]},\"history\":[{},{},{},{}]}",
        "{\"rootfs\":{\"diff_ids\":[\"" A "\",\"" B "\"]},\"history\":null}",
        "{\"rootfs\":{\"diff_ids\":[\"" A "\",\"" B "\"]}}",
    };
    for (size_t i = 0; i < PL_COUNT(histories); i++) {
        f->image = (struct pl_image){ 0 };
        assert_int_equal(manifest(f, two), PL_OK);
        assert_int_equal(config(f, histories[i]), PL_OK);
        assert_int_equal(f->image.n_layers, 2);
        assert_text(f->image.layers[0].created_by, "");
        assert_string_equal(f->image.layers[1].diff_id.text, B);
        assert_int_equal(f->image.gaps.n, 0);
    }
    assert_int_equal(manifest(f, two), PL_OK);
    assert_int_equal(config(f, "{\"rootfs\":{\"diff_ids\":[\"" A "\"]}}"), PL_OK);
    assert_int_equal(f->image.gaps.n, 1);
    assert_text(gap(f, 0)->detail, "the configuration names 1 layers, the manifest 2");
}

static void unreadable_layers(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        manifest(f, "{\"config\":{\"digest\":\"" A "\"},\"layers\":["
                    "{\"mediaType\":\"" GZIP "+encrypted\",\"digest\":\"" B "\"},"
                    "{\"mediaType\":\"application/vnd.in-toto+json\",\"digest\":\"" B "\"},"
                    "{\"mediaType\":\"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip\","
                    "\"digest\":\"" C "\",\"urls\":[\"https://a/b\",3]},"
                    "{\"mediaType\":\"application/vnd.docker.image.rootfs.diff.tar.zstd\","
                    "\"digest\":\"" C "\"}]}"),
        PL_OK);
    assert_string_equal(f->image.layers[0].unreadable, "encrypted");
    assert_string_equal(f->image.layers[1].unreadable, "not a filesystem layer");
    assert_string_equal(f->image.layers[2].unreadable, "foreign");
    assert_int_equal(f->image.layers[2].n_urls, 2);
    assert_null(f->image.layers[3].unreadable);
    assert_int_equal(config(f, "{\"history\":[{\"empty_layer\":true},{},{},{},{}]}"), PL_OK);
    assert_int_equal(f->image.gaps.n, 3);
    assert_int_equal(gap(f, 0)->layer, 1); /* its place in the report's layers */
    assert_text(gap(f, 0)->reason, "encrypted");
    assert_text(gap(f, 1)->reason, "unsupported");
    assert_text(gap(f, 2)->reason, "unreadable");
}

static void refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *json;
        pl_rc rc;
        const char *words;
    } cases[] = {
        { "{\"layers\":[],\"manifests\":[]}", PL_EFORMAT, "ambiguous" },
        { "{\"manifests\":[]}", PL_EFORMAT, "an index" },
        { "[]", PL_EFORMAT, "not a JSON object" },
        { "{\"layers\":[", PL_EFORMAT, "line 1" },
        { "{\"config\":{\"digest\":\"" A "\"},\"layers\":[{\"digest\":\"sha256:../../x\"}]}",
          PL_EFORMAT, "layers[0]" },
        { "{\"config\":{\"digest\":\"../x\"},\"layers\":[]}", PL_EFORMAT, "config" },
        { "{\"config\":{\"mediaType\":\"application/vnd.cncf.helm.config.v1+json\",\"digest\":\"" A
          "\"},\"layers\":[{\"mediaType\":"
          "\"application/vnd.cncf.helm.chart.content.v1.tar+gzip\",\"digest\":\"" B "\"}]}",
          PL_EFORMAT, "helm" },
    };
    for (size_t i = 0; i < PL_COUNT(cases); i++) {
        assert_int_equal(manifest(f, cases[i].json), cases[i].rc);
        if (!strstr(f->err.msg, cases[i].words))
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].json, f->err.msg, cases[i].words);
    }
    struct pl_limits small = PL_LIMITS;
    small.n_layers = 1;
    pl_span two = PL_LIT("{\"config\":{\"digest\":\"" A "\"},\"layers\":[{},{}]}");
    assert_int_equal(
        pl_manifest_parse(two, PL_SPAN_NONE, &small, &f->a, &f->image, &f->config, &f->err),
        PL_ELIMIT);
    assert_int_equal(config(f, "{"), PL_EFORMAT);
    assert_int_equal(config(f, "3"), PL_EFORMAT);
    struct pl_arena tiny;
    pl_arena_init(&tiny, 64);
    assert_int_equal(pl_config_parse(PL_LIT("{\"os\":\"linux\",\"author\":\"somebody\"}"),
                                     &PL_LIMITS, &tiny, &f->image, &f->err),
                     PL_ELIMIT);
    pl_arena_done(&tiny);
}

static void no_layers(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(manifest(f, "{\"config\":{\"digest\":\"" A "\"},\"layers\":[]}"), PL_OK);
    assert_int_equal(f->image.gaps.n, 1);
    assert_text(gap(f, 0)->reason, "missing");
    assert_int_equal(gap(f, 0)->layer, -1);
}

static void config_fields(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        config(
            f,
            "{\"os\":\"linux\",\"architecture\":null,\"variant\":[],\"config\":{"
            "\"User\":\"u\",\"Env\":[\"A=b\",null,\"C=d\"],\"Entrypoint\":\"/x\",\"Cmd\":null,"
            "\"ExposedPorts\":{\"80/tcp\":{},\"443/tcp\":{}},\"Labels\":{\"b\":\"2\",\"a\":\"1\","
            "\"c\":3},\"Healthcheck\":{\"Test\":[\"NONE\"]},\"OnBuild\":[\"RUN x\"]}}"),
        PL_OK);
    const struct pl_config *c = &f->image.config;
    assert_text(f->image.os, "linux");
    assert_text(c->user, "u");
    assert_int_equal(c->n_env, 2);
    assert_text(c->env[1], "C=d");
    assert_int_equal(c->n_entrypoint, 1);
    assert_int_equal(c->n_cmd, 0);
    assert_text(c->exposed_ports[0], "443/tcp");
    assert_int_equal(c->n_labels, 2);
    assert_text(c->labels[0].key, "a");
    assert_false(c->healthcheck);
    assert_int_equal(strncmp(f->image.image_id.text, "sha256:", 7), 0);
}

static void schema1(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        manifest(
            f,
            "{\"schemaVersion\":1,\"fsLayers\":[{\"blobSum\":\"" A "\"},{\"blobSum\":\"" B
            "\"}],\"history\":[{\"v1Compatibility\":\"{\\\"throwaway\\\":true,"
            "\\\"os\\\":\\\"linux\\\",\\\"container_config\\\":{\\\"Cmd\\\":[\\\"CMD x\\\"]}}\"},"
            "{\"v1Compatibility\":\"{}\"}]}"),
        PL_OK);
    assert_int_equal(f->image.n_layers, 2);
    assert_string_equal(f->image.layers[0].digest.text, B);
    assert_true(f->image.layers[1].empty);
    assert_text(f->image.layers[1].created_by, "CMD x");
    assert_text(f->image.os, "linux");
    assert_false(pl_digest_set(&f->config));
}

#define ENTRY(d, os, arch, variant)                                                                \
    "{\"digest\":\"" d "\",\"size\":7,\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch    \
    "\",\"variant\":\"" variant "\"}}"
#define ATTESTATION                                                                                \
    "{\"digest\":\"" C "\",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"},"        \
    "\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}}"

static const char *chosen(struct fixture *f, const char *json, const char *platform)
{
    static struct pl_descriptor d;
    d = (struct pl_descriptor){ 0 };
    return pl_index_choose(pl_span_str(json), platform, &f->a, &d, &f->err) ? NULL : d.digest.text;
}

static void platforms(void **state)
{
    struct fixture *f = *state;
    const char *both = "{\"manifests\":[" ATTESTATION
                       "," ENTRY(A, "linux", "amd64", "") "," ENTRY(B, "linux", "arm64", "v8") "]}";
    const char *arm =
        "{\"manifests\":[" ENTRY(A, "linux", "arm", "v6") "," ENTRY(B, "linux", "arm", "v7") "]}";
    const char *windows = "{\"manifests\":[" ENTRY(A, "windows", "amd64", "") "," ATTESTATION "]}";
    assert_string_equal(chosen(f, both, "linux/amd64"), A);
    assert_string_equal(chosen(f, both, "x86_64"), A);
    assert_string_equal(chosen(f, both, "linux/arm64"), B);
    assert_string_equal(chosen(f, both, "linux/aarch64/v8"), B);
    assert_string_equal(chosen(f, arm, "linux/arm"), B);
    assert_string_equal(chosen(f, arm, "linux/arm/v6"), A);
    assert_null(chosen(f, arm, "linux/arm/v5"));
    assert_string_equal(chosen(f, windows, NULL), A); /* the only image */
    assert_null(chosen(f, both, "linux/s390x"));
    assert_int_equal(f->err.rc, PL_EABSENT);
    assert_non_null(strstr(f->err.msg, "linux/amd64, linux/arm64"));
    assert_null(chosen(f, "{\"manifests\":[" ATTESTATION "]}", NULL));
    assert_string_equal(chosen(f, "{\"manifests\":[{\"digest\":\"" C "\"}]}", "linux/amd64"), C);
    assert_null(chosen(f, "{\"manifests\":[],\"layers\":[]}", NULL));
    assert_null(chosen(f, "{\"manifests\":[{\"digest\":\"x\"}]}", NULL));
    assert_int_equal(f->err.rc, PL_EFORMAT);
}

/* 10,000 layers with as many lines of history, without a quadratic step. */
static void many(void **state)
{
    struct fixture *f = *state;
    char *m = NULL, *c = NULL;
    size_t m_len, c_len;
    FILE *mf = open_memstream(&m, &m_len), *cf = open_memstream(&c, &c_len);
    fputs("{\"config\":{\"digest\":\"" A "\"},\"layers\":[", mf);
    fputs("{\"rootfs\":{\"diff_ids\":[", cf);
    for (int i = 0; i < 10000; i++) {
        fprintf(mf, "%s{\"digest\":\"" B "\",\"size\":1}", i ? "," : "");
        fprintf(cf, "%s\"" C "\"", i ? "," : "");
    }
    fputs("]}", mf);
    fputs("]},\"history\":[", cf);
    for (int i = 0; i < 20000; i++)
        fprintf(cf, "%s{\"created_by\":\"RUN %d\",\"empty_layer\":%s}", i ? "," : "", i,
                i % 2 ? "true" : "false");
    fputs("]}", cf);
    fclose(mf);
    fclose(cf);
    assert_int_equal(manifest(f, m), PL_OK);
    assert_int_equal(config(f, c), PL_OK);
    assert_int_equal(f->image.n_layers, 20000);
    assert_text(f->image.layers[19998].created_by, "RUN 19998");
    assert_int_equal(f->image.size, 10000);
    free(m);
    free(c);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(kinds),   TEST(layers_and_config), TEST(history_that_disagrees),
        TEST(refused), TEST(unreadable_layers), TEST(no_layers),
        TEST(schema1), TEST(config_fields),     TEST(platforms),
        TEST(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
