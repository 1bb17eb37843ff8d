/* java.h - inside the room: what one Java archive says of itself, gathered while it streams past,
 * and which packages that makes. */
#pragma once
#include "analyzer/analyzer.h"

/* What an entry of an archive is to us, told by its name. */
enum pl_java_entry {
    PL_JAVA_OTHER,
    PL_JAVA_MANIFEST,
    PL_JAVA_POM,     /* META-INF/maven/G/A/pom.properties */
    PL_JAVA_POM_XML, /* META-INF/maven/G/A/pom.xml */
    PL_JAVA_TOMCAT,  /* org/apache/catalina/util/ServerInfo.properties */
    PL_JAVA_ARCHIVE, /* a jar, war, zip, ... */
    PL_JAVA_CLASS,
    PL_JAVA_WITNESS, /* a class or file that java_classes.c knows something by */
};
enum pl_java_entry pl_java_entry_of(pl_span name);
bool pl_java_is_archive(pl_span path); /* by its suffix */

struct pl_java_coord {
    pl_span group, artifact, version;
};

/* Main attributes of META-INF/MANIFEST.MF; borrowed from the archive's arena. */
struct pl_java_manifest {
    pl_span title, version, vendor_id; /* Implementation-* */
    pl_span spec_title, spec_version;  /* Specification-* */
    pl_span bundle, bundle_version;    /* Bundle-SymbolicName, Bundle-Version */
    pl_span module;                    /* Automatic-Module-Name */
    pl_span plugin, plugin_version,
        plugin_group; /* Jenkins: Short-Name, Plugin-Version, Group-Id */
};

enum { PL_JAVA_WITNESSES = 32 };

struct pl_java_archive {
    struct pl_arena arena;  /* of what is below; ends with the archive */
    struct pl_vec poms;     /* struct pl_java_coord, of pom.properties */
    struct pl_vec pom_xmls; /* of pom.xml, used where no pom.properties says it */
    struct pl_java_manifest manifest;
    pl_span tomcat; /* server.number */
    bool seen[PL_JAVA_WITNESSES];
    unsigned holds[PL_JAVA_WITNESSES]; /* which needles its bytes hold, as bits */
    pl_span told[PL_JAVA_WITNESSES];   /* the version it tells */
    size_t n_classes;
};

/* Each takes a whole small file. False: no room left in the arena. */
bool pl_java_read_manifest(struct pl_java_archive *a, pl_span bytes);
bool pl_java_read_pom(struct pl_java_archive *a, pl_span bytes);
bool pl_java_read_pom_xml(struct pl_java_archive *a, pl_span bytes);
bool pl_java_read_tomcat(struct pl_java_archive *a, pl_span bytes);

/* "log4j-core-2.14.1.jar" apart; version empty when the name has none. */
void pl_java_split_name(pl_span basename, pl_span *artifact, pl_span *version);
/* The group that an artifact id belongs to, for those that are known by it alone; else empty. */
pl_span pl_java_group_of(pl_span artifact);
/* The coordinates under which advisories speak of it, where those are not its own: the project's
 * parent. Empty: its own. */
pl_span pl_java_project_of(pl_span group, pl_span artifact);

/* Emits the packages of one archive, named path, and the gaps. */
pl_rc pl_java_conclude(struct pl_java_archive *a, pl_span path, struct pl_sink *out,
                       struct pl_err *err) PL_CHECKED;

/* ---- java_classes.c: copies without metadata ---- */

/* Index of the witness that such an entry is; -1: none. *wants: its bytes are to be read. */
int pl_java_witness(pl_span name, bool *wants);
bool pl_java_read_witness(struct pl_java_archive *a, int witness, pl_span bytes);
typedef pl_rc (*pl_java_emit)(void *ctx, const struct pl_java_coord *c, bool by_classes,
                              struct pl_err *err);
/* For each library whose classes are there: emit(version) where the classes show it, else a gap.
 * has(ctx, artifact): metadata spoke of that artifact already. */
pl_rc pl_java_classes(const struct pl_java_archive *a, pl_span path, struct pl_sink *out,
                      bool (*has)(void *ctx, pl_span artifact), pl_java_emit emit, void *ctx,
                      struct pl_err *err) PL_CHECKED;
