/* OVAL definitions of distributions, each publisher a row: what differs between them is a profile.
 *
 * Seen in the wild: Red Hat (v1 of patches, v2 with unpatched), Oracle, SUSE (patch, vulnerability
 * and "-affected"), Azure Linux and CBL-Mariner, Photon, AlmaLinux, Rocky, Anolis, Alibaba Cloud
 * Linux, openEuler, Ubuntu (by vulnerability, package and notice, also for manifests of
 * containers), Debian.
 *
 * Rank 10: behind a distribution's VEX, tracker and secdb (5), before updateinfo (12), its OSV (15)
 * and collectors (30). */
#include "feed/oval.h"

static pl_rc read_profile(struct pl_feed_file *f, const struct oval_profile *p, const char *feed,
                          struct pl_advisory_sink *out, struct pl_err *err)
{
    struct oval_store store;
    pl_rc rc = pl_oval_store_read(f->reader, &store, err);
    if (rc)
        return rc;
    rc = f->rewind(f, err);
    if (!rc) {
        if (store.generated.len)
            out->published(out, store.generated);
        rc = pl_oval_definitions(f, &store, p, feed, out, err);
    }
    pl_oval_store_done(&store);
    return rc;
}

static bool is_oval(const struct pl_feed_file *f, const char *id_part)
{
    pl_span head = pl_span_trim(f->head);
    pl_span_skip_lit(&head, PL_LIT("\xef\xbb\xbf"));
    return head.len && head.ptr[0] == '<' &&
           pl_span_find(head, PL_LIT("oval_definitions")) != SIZE_MAX &&
           (!*id_part || pl_span_find(head, pl_span_str(id_part)) != SIZE_MAX);
}

/* ROW(word, name, what, folder, profile...): a feed of its own, so that reports say whose word it
 * is. The definition ids begin with id_part. */
#define ROW(word, name_, what_, folder_, ...)                                                      \
    static const struct oval_profile profile_##word = { __VA_ARGS__ };                             \
    static bool sniff_##word(const struct pl_feed_file *f)                                         \
    {                                                                                              \
        return is_oval(f, profile_##word.id_part);                                                 \
    }                                                                                              \
    static pl_rc read_##word(struct pl_feed_file *f, struct pl_advisory_sink *out,                 \
                             struct pl_err *err)                                                   \
    {                                                                                              \
        return read_profile(f, &profile_##word, name_, out, err);                                  \
    }                                                                                              \
    const struct pl_feed pl_feed_oval_##word = {                                                   \
        .name = name_,                                                                             \
        .what = what_,                                                                             \
        .spec = "OVAL Language 5.10, 5.11",                                                        \
        .folder = folder_,                                                                         \
        .rank = 10,                                                                                \
        .sniff = sniff_##word,                                                                     \
        .read = read_##word,                                                                       \
    };

ROW(redhat, "redhat-oval", "Red Hat OVAL", "redhat-oval", .id_part = "oval:com.redhat.",
    .cvss_source = "redhat", .scheme = "rpm")
ROW(oracle, "oracle-oval", "Oracle Linux OVAL", "oracle-oval", .id_part = "oval:com.oracle.",
    .cvss_source = "oracle", .scheme = "rpm")
ROW(suse, "suse-oval", "SUSE OVAL", "suse-oval",
    .id_part = "oval:org.opensuse.security:", .cvss_source = "suse", .scheme = "rpm")
ROW(azurelinux, "azurelinux-oval", "Azure Linux OVAL", "azurelinux-oval",
    .id_part = "oval:com.microsoft.", .cvss_source = "microsoft", .scheme = "rpm",
    .of_source = true)
ROW(photon, "photon-oval", "VMware Photon OVAL", "photon-oval", .id_part = "oval:com.vmware.",
    .cvss_source = "photon", .scheme = "rpm")
ROW(alma, "alma-oval", "AlmaLinux OVAL", "alma-oval", .id_part = "oval:org.almalinux.",
    .cvss_source = "almalinux", .scheme = "rpm")
ROW(anolis, "anolis-oval", "OpenAnolis OVAL", "anolis-oval",
    .id_part = "oval:cn.openanolis:", .cvss_source = "anolis", .scheme = "rpm",
    .name_in_version = true)
ROW(ubuntu, "ubuntu-oval", "Ubuntu OVAL", "ubuntu-oval", .id_part = "oval:com.ubuntu.",
    .cvss_source = "ubuntu", .scheme = "deb", .by_comment = true)
/* Debian's objects carry names of source packages under a test of binary ones. */
ROW(debian, "debian-oval", "Debian OVAL", "debian-oval", .id_part = "oval:org.debian",
    .cvss_source = "debian", .scheme = "deb", .of_source = true)
/* Alibaba Cloud Linux, openEuler, Rocky and whoever is next: by their platform sentences. */
ROW(other, "oval", "OVAL of other publishers", "other-oval", .id_part = "", .cvss_source = "vendor",
    .scheme = "rpm", .name_in_version = true)
