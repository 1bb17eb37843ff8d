/* The small files that archives hold, without an archive around them: the fuzzer would spend its
 * time on checksums. The first byte says which. */
#include "analyze.h"
#include "analyzer/java.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_java_archive a = { .poms = PL_VEC(struct pl_java_coord),
                                 .pom_xmls = PL_VEC(struct pl_java_coord) };
    PL_AUTO(sink) struct pl_sink *sink = pl_sink_new(&PL_LIMITS);
    struct pl_err err;
    if (size == 0 || !sink)
        return 0;
    pl_span bytes = pl_span_of(data + 1, size - 1);
    pl_arena_init(&a.arena, 4 * PL_MIB);
    switch (data[0] % 5) {
    case 0: (void)!pl_java_read_manifest(&a, bytes); break;
    case 1: (void)!pl_java_read_pom(&a, bytes); break;
    case 2: (void)!pl_java_read_pom_xml(&a, bytes); break;
    case 3: (void)!pl_java_read_tomcat(&a, bytes); break;
    default:
        for (int i = 0; i < PL_JAVA_WITNESSES; i++)
            a.seen[i] = pl_java_read_witness(&a, i, bytes);
    }
    (void)!pl_java_conclude(&a, PL_LIT("a/b-1.jar"), sink, &err);
    pl_arena_done(&a.arena);
    return 0;
}
