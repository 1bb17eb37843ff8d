/* java_identity.c - from what an archive says of itself to the packages in it.
 *
 * In order of trust: Maven's pom.properties (each is an artefact: the archive's own, or one whose
 * classes were copied into it), the manifest's main attributes, the file's name. Seen in the wild:
 * Gradle builds write no pom.properties (Spring Framework, Netty's all-in-one); Tomcat's jars carry
 * no version in their names; manifests of applications name the application in all their jars. */
#include "analyzer/java.h"

#include "base/xml.h"

enum { MAX_POMS = 20000, MAX_WORD = 160 };

/* ---- entries by name ---- */

static const char *const archive_suffixes[] = { ".jar", ".war", ".ear", ".par", ".sar",
                                                ".nar", ".hpi", ".jpi", ".kar", ".lpkg",
                                                ".rar", ".far", ".zip" };

static bool ends_in(pl_span path, const char *const *suffixes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pl_span suffix = pl_span_str(suffixes[i]);
        if (path.len > suffix.len &&
            pl_span_eq_nocase(pl_span_from(path, path.len - suffix.len), suffix))
            return true;
    }
    return false;
}

bool pl_java_is_archive(pl_span path)
{
    return ends_in(path, archive_suffixes, PL_COUNT(archive_suffixes));
}

enum pl_java_entry pl_java_entry_of(pl_span name)
{
    bool unused;
    pl_span base = pl_span_basename(name);
    if (pl_span_ends(base, PL_LIT(".class")))
        return pl_java_witness(name, &unused) >= 0 ? PL_JAVA_WITNESS : PL_JAVA_CLASS;
    if (pl_span_eq(name, PL_LIT("META-INF/MANIFEST.MF")))
        return PL_JAVA_MANIFEST;
    if (pl_span_eq(base, PL_LIT("pom.properties")) || pl_span_eq(base, PL_LIT("pom.xml"))) {
        if (pl_span_find(name, PL_LIT("META-INF/maven/")) == SIZE_MAX)
            return PL_JAVA_OTHER;
        return base.len > 7 ? PL_JAVA_POM : PL_JAVA_POM_XML;
    }
    if (pl_span_ends(name, PL_LIT("org/apache/catalina/util/ServerInfo.properties")))
        return PL_JAVA_TOMCAT;
    return pl_java_is_archive(base) ? PL_JAVA_ARCHIVE : PL_JAVA_OTHER;
}

/* ---- reading ---- */

/* A word that may stand in a name or version; what a build left unfilled ("${project.version}",
 * "%version") and prose are none. */
static bool is_word(pl_span s)
{
    if (s.len == 0 || s.len > MAX_WORD)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c == 0x7f || strchr("${}%:/\\\"'<>", c))
            return false;
    }
    return true;
}

static bool keep(struct pl_java_archive *a, pl_span value, pl_span *out)
{
    return pl_arena_copy(&a->arena, value, out);
}

/* Lines are folded at 72 bytes: one that begins with a space continues the one before. The main
 * attributes end at the first empty line; what follows speaks of single files.
 * JAR File Specification, "Notes on Manifest and Signature Files". */
static bool manifest_attribute(pl_span *in, char *buf, size_t room, size_t *len)
{
    pl_span line;
    if (!pl_span_line(in, &line) || line.len == 0)
        return false;
    *len = 0;
    for (;;) {
        size_t n = line.len < room - *len ? line.len : room - *len;
        memcpy(buf + *len, line.ptr, n);
        *len += n;
        if (in->len == 0 || in->ptr[0] != ' ')
            return true;
        if (!pl_span_line(in, &line))
            return true;
        line = pl_span_from(line, 1);
    }
}

bool pl_java_read_manifest(struct pl_java_archive *a, pl_span bytes)
{
    struct pl_java_manifest *m = &a->manifest;
    const struct {
        const char *name;
        pl_span *value;
    } wanted[] = {
        { "Implementation-Title", &m->title },
        { "Implementation-Version", &m->version },
        { "Implementation-Vendor-Id", &m->vendor_id },
        { "Specification-Title", &m->spec_title },
        { "Specification-Version", &m->spec_version },
        { "Bundle-SymbolicName", &m->bundle },
        { "Bundle-Version", &m->bundle_version },
        { "Automatic-Module-Name", &m->module },
        { "Short-Name", &m->plugin },
        { "Plugin-Version", &m->plugin_version },
        { "Group-Id", &m->plugin_group },
    };
    char line[1024];
    size_t len;
    while (manifest_attribute(&bytes, line, sizeof(line), &len)) {
        pl_span value = pl_span_of(line, len), name = PL_SPAN_NONE;
        if (!pl_span_split(&value, ':', &name))
            continue;
        for (size_t i = 0; i < PL_COUNT(wanted); i++)
            if (pl_span_eq_nocase(name, pl_span_str(wanted[i].name)) &&
                !keep(a, pl_span_trim(value), wanted[i].value))
                return false;
    }
    /* "org.example.x;singleton:=true" */
    m->bundle = pl_span_trim(pl_span_sub(m->bundle, 0, pl_span_chr(m->bundle, ';')));
    return true;
}

/* One "key = value" line of a properties file; false for comments and the rest. */
static bool property(pl_span line, pl_span *key, pl_span *value)
{
    size_t at = 0;
    while (at < line.len && line.ptr[at] != '=' && line.ptr[at] != ':')
        at++;
    *key = pl_span_trim(pl_span_sub(line, 0, at));
    *value = at < line.len ? pl_span_trim(pl_span_from(line, at + 1)) : PL_SPAN_NONE;
    return at < line.len && key->len && key->ptr[0] != '#' && key->ptr[0] != '!';
}

static bool keep_coord(struct pl_java_archive *a, struct pl_vec *list,
                       const struct pl_java_coord *c)
{
    if (!is_word(c->artifact) || !is_word(c->version) || !is_word(c->group))
        return true;
    struct pl_java_coord *to = list->n < MAX_POMS ? pl_vec_push(&a->arena, list) : NULL;
    return to && keep(a, c->group, &to->group) && keep(a, c->artifact, &to->artifact) &&
           keep(a, c->version, &to->version);
}

bool pl_java_read_pom(struct pl_java_archive *a, pl_span bytes)
{
    struct pl_java_coord c = { 0 };
    pl_span line, key, value;
    while (pl_span_line(&bytes, &line)) {
        if (!property(line, &key, &value))
            continue;
        if (pl_span_eq(key, PL_LIT("groupId")))
            c.group = value;
        else if (pl_span_eq(key, PL_LIT("artifactId")))
            c.artifact = value;
        else if (pl_span_eq(key, PL_LIT("version")))
            c.version = value;
    }
    return keep_coord(a, &a->poms, &c);
}

bool pl_java_read_tomcat(struct pl_java_archive *a, pl_span bytes)
{
    pl_span line, key, value;
    while (pl_span_line(&bytes, &line))
        if (property(line, &key, &value) && pl_span_eq(key, PL_LIT("server.info"))) {
            size_t slash = pl_span_rchr(value, '/'); /* "Apache Tomcat/9.0.50" */
            if (slash != SIZE_MAX && is_word(pl_span_from(value, slash + 1)))
                return keep(a, pl_span_from(value, slash + 1), &a->tomcat);
        }
    return true;
}

/* ---- pom.xml ---- */

struct pom_reader {
    struct pl_reader reader;
    pl_span bytes;
    char text[6][MAX_WORD + 1];
};

static pl_rc give_xml(struct pl_reader *r, void *buf, size_t size, size_t *got, struct pl_err *err)
{
    struct pom_reader *p = (struct pom_reader *)r;
    (void)err;
    *got = p->bytes.len < size ? p->bytes.len : size;
    memcpy(buf, p->bytes.ptr, *got);
    p->bytes = pl_span_from(p->bytes, *got);
    return PL_OK;
}

/* groupId, artifactId, version of the project; then those of its parent. */
static int pom_field(pl_span name)
{
    static const char *const names[] = { "groupId", "artifactId", "version" };
    for (size_t i = 0; i < PL_COUNT(names); i++)
        if (pl_span_eq(name, pl_span_str(names[i])))
            return (int)i;
    return -1;
}

static bool want_element(void *ctx, pl_span name, unsigned depth)
{
    (void)ctx;
    return depth == 1 || pom_field(name) >= 0 || (depth == 2 && pl_span_eq(name, PL_LIT("parent")));
}

static pl_rc close_element(void *ctx, pl_span name, pl_span text, unsigned depth,
                           struct pl_err *err)
{
    struct pom_reader *p = ctx;
    int field = pom_field(name);
    (void)err;
    if (field >= 0 && (depth == 2 || depth == 3) && text.len <= MAX_WORD)
        snprintf(p->text[field + (depth == 3 ? 3 : 0)], MAX_WORD + 1, "%.*s", PL_FMT(text));
    return PL_OK;
}

/* A pom.xml that is broken says nothing; no gap, as it is only the last resort. */
bool pl_java_read_pom_xml(struct pl_java_archive *a, pl_span bytes)
{
    static const struct pl_xml_events events = { .close = close_element, .want = want_element };
    struct pom_reader p = { .reader.read = give_xml, .bytes = bytes };
    struct pl_err err;
    if (pl_xml_read(&p.reader, &events, &p, NULL, &err))
        return true;
    const struct pl_java_coord c = {
        .group = pl_span_str(p.text[0][0] ? p.text[0] : p.text[3]),
        .artifact = pl_span_str(p.text[1]),
        .version = pl_span_str(p.text[2][0] ? p.text[2] : p.text[5]),
    };
    return keep_coord(a, &a->pom_xmls, &c);
}

/* ---- file names ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* "1.0", "20200101.123456": digits and dots alone. */
static bool is_plain_number(pl_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_digit(s.ptr[i]) && s.ptr[i] != '.')
            return false;
    return s.len > 0;
}

/* Not part of a version, though behind it. */
static pl_span without_classifier(pl_span version)
{
    static const char *const classifiers[] = {
        "-all",
        "-shaded",
        "-jar-with-dependencies",
        "-bundle",
        "-exec",
        "-boot",
        "-nodep",
        "-uber",
        "-with-dependencies",
        "-fat",
        "-full",
        "-standalone",
        "-linux-x86_64",
        "-linux-aarch_64",
        "-osx-x86_64",
        "-windows-x86_64",
    };
    for (size_t i = 0; i < PL_COUNT(classifiers); i++) {
        pl_span c = pl_span_str(classifiers[i]);
        if (pl_span_ends(version, c) && version.len > c.len)
            return pl_span_sub(version, 0, version.len - c.len);
    }
    return version;
}

/* The version begins at the last "-<digit>" ("log4j-1.2-api-2.14.1"), unless a plain number stands
 * before that ("x-1.0-20200101.123456-3"). */
void pl_java_split_name(pl_span basename, pl_span *artifact, pl_span *version)
{
    pl_span stem = pl_span_sub(basename, 0, pl_span_rchr(basename, '.'));
    size_t at = SIZE_MAX, end = stem.len;
    for (size_t i = stem.len; i-- > 1;) {
        if (stem.ptr[i] != '-')
            continue;
        if (at == SIZE_MAX ? i + 1 < stem.len && is_digit(stem.ptr[i + 1])
                           : is_plain_number(pl_span_sub(stem, i + 1, end - i - 1)))
            at = i;
        else if (at != SIZE_MAX)
            break;
        end = i;
    }
    *artifact = pl_span_sub(stem, 0, at);
    *version = at == SIZE_MAX ? PL_SPAN_NONE : without_classifier(pl_span_from(stem, at + 1));
}

/* ---- known artifact ids ---- */

struct known_artifact {
    const char *artifact, *group; /* an artifact that ends in "*" is a beginning */
};

static const struct known_artifact known_artifacts[] = {
#define ARTIFACT(artifact, group) { artifact, group },
#include "analyzer/java_names.def"
#undef ARTIFACT
};

pl_span pl_java_group_of(pl_span artifact)
{
    pl_span found = PL_SPAN_NONE;
    size_t best = 0;
    for (size_t i = 0; i < PL_COUNT(known_artifacts); i++) {
        pl_span known = pl_span_str(known_artifacts[i].artifact);
        if (pl_span_eq(known, artifact))
            return pl_span_str(known_artifacts[i].group);
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): no name in the table is empty */
        if (known.ptr[known.len - 1] == '*' && known.len > best &&
            pl_span_starts(artifact, pl_span_sub(known, 0, known.len - 1))) {
            best = known.len;
            found = pl_span_str(known_artifacts[i].group);
        }
    }
    return found;
}

pl_span pl_java_project_of(pl_span group, pl_span artifact)
{
    static const char *const projects[][3] = {
        { "org.springframework.cloud", "spring-cloud-gateway-server", "spring-cloud-gateway" },
        { "org.springframework.cloud", "spring-cloud-gateway-core", "spring-cloud-gateway" },
    };
    for (size_t i = 0; i < PL_COUNT(projects); i++)
        if (pl_span_eq(group, pl_span_str(projects[i][0])) &&
            pl_span_eq(artifact, pl_span_str(projects[i][1])))
            return pl_span_str(projects[i][2]);
    return PL_SPAN_NONE;
}

/* Names of Tomcat's own distribution, whose jars are called otherwise than their artifacts. */
static pl_span distribution_name(const struct pl_java_manifest *m, pl_span artifact)
{
    static const char *const names[][2] = {
        { "catalina", "tomcat-catalina" },
        { "jasper", "tomcat-jasper" },
        { "catalina-ha", "tomcat-catalina-ha" },
        { "jasper-el", "tomcat-jasper-el" },
        { "catalina-tribes", "tomcat-tribes" },
        { "catalina-ant", "tomcat-catalina-ant" },
        { "catalina-ssi", "tomcat-ssi" },
        { "el-api", "tomcat-el-api" },
        { "jsp-api", "tomcat-jsp-api" },
        { "servlet-api", "tomcat-servlet-api" },
        { "websocket-api", "tomcat-websocket-api" },
    };
    if (pl_span_find(m->title, PL_LIT("Tomcat")) == SIZE_MAX &&
        pl_span_find(m->spec_title, PL_LIT("Tomcat")) == SIZE_MAX)
        return artifact;
    for (size_t i = 0; i < PL_COUNT(names); i++)
        if (pl_span_eq(artifact, pl_span_str(names[i][0])))
            return pl_span_str(names[i][1]);
    return artifact;
}

/* ---- concluding ---- */

struct conclusion {
    struct pl_java_archive *archive;
    pl_span path;
    struct pl_sink *out;
    struct pl_vec told; /* struct pl_java_coord */
};

static bool has_artifact(void *ctx, pl_span artifact)
{
    const struct conclusion *c = ctx;
    const struct pl_java_coord *told = c->told.items;
    for (size_t i = 0; i < c->told.n; i++)
        if (pl_span_eq(told[i].artifact, artifact))
            return true;
    return false;
}

static pl_rc put(struct conclusion *c, const struct pl_java_coord *coord, bool by_classes,
                 struct pl_err *err)
{
    struct pl_arena *a = &c->archive->arena;
    const struct pl_java_coord *told = c->told.items;
    for (size_t i = 0; i < c->told.n; i++)
        if (pl_span_eq(told[i].artifact, coord->artifact) &&
            pl_span_eq(told[i].group, coord->group) && pl_span_eq(told[i].version, coord->version))
            return PL_OK;
    struct pl_java_coord *kept = pl_vec_push(a, &c->told);
    pl_span project = pl_java_project_of(coord->group, coord->artifact);
    const char *name = coord->group.len ? pl_arena_printf(a, "%.*s:%.*s", PL_FMT(coord->group),
                                                          PL_FMT(coord->artifact))
                                        : pl_arena_str(a, coord->artifact);
    const char *source =
        project.len ? pl_arena_printf(a, "%.*s:%.*s", PL_FMT(coord->group), PL_FMT(project)) : "";
    if (!kept || !name || !source)
        return pl_fail(err, PL_ELIMIT, "the archive's metadata is larger than is kept");
    *kept = *coord;
    const struct pl_package p = {
        .type = PL_LIT("maven"),
        .name = pl_span_str(name),
        .version = coord->version,
        .source_name = pl_span_str(source),
        .path = c->path,
        .analyzer = PL_LIT("java"),
        .flags = by_classes ? PL_PACKAGE_BY_BYTES : 0,
    };
    return pl_sink_package(c->out, &p, err);
}

static pl_rc put_poms(struct conclusion *c, struct pl_err *err)
{
    const struct pl_java_coord *poms = c->archive->poms.items, *xmls = c->archive->pom_xmls.items;
    pl_rc rc = PL_OK;
    for (size_t i = 0; !rc && i < c->archive->poms.n; i++)
        rc = put(c, &poms[i], false, err);
    for (size_t i = 0; !rc && i < c->archive->pom_xmls.n; i++)
        if (!has_artifact(c, xmls[i].artifact))
            rc = put(c, &xmls[i], false, err);
    return rc;
}

/* Does some pom.properties name the archive itself? One alone does, whatever the file is called. */
static bool named_by_pom(const struct conclusion *c, pl_span artifact)
{
    return c->archive->poms.n == 1 || has_artifact((void *)(uintptr_t)c, artifact);
}

static pl_span first_word(const pl_span *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_word(words[i]))
            return words[i];
    return PL_SPAN_NONE;
}

static bool dotted(pl_span s) { return is_word(s) && pl_span_chr(s, '.') != SIZE_MAX; }

/* A guess, which only helps to find it again: advisories match on exact names. */
static pl_span group_of(const struct pl_java_manifest *m, pl_span artifact)
{
    pl_span known = pl_java_group_of(artifact);
    if (known.len)
        return known;
    if (dotted(m->vendor_id))
        return m->vendor_id;
    if (dotted(m->bundle)) {
        size_t dot = pl_span_rchr(m->bundle, '.');
        return pl_span_eq(pl_span_from(m->bundle, dot + 1), artifact)
                   ? pl_span_sub(m->bundle, 0, dot)
                   : m->bundle;
    }
    return dotted(m->module) ? m->module : PL_SPAN_NONE;
}

static pl_rc put_own(struct conclusion *c, struct pl_err *err)
{
    static const char *const no_names[] = { ".zip", ".rar", ".far" };
    const struct pl_java_manifest *m = &c->archive->manifest;
    struct pl_java_coord own = { 0 };
    pl_span artifact, version;
    pl_java_split_name(pl_span_basename(c->path), &artifact, &version);
    if (is_word(m->plugin) && is_word(m->plugin_version)) {
        own.artifact = m->plugin;
        own.version = m->plugin_version;
        own.group = is_word(m->plugin_group) ? m->plugin_group : PL_LIT("org.jenkins-ci.plugins");
        return put(c, &own, false, err);
    }
    artifact = distribution_name(m, artifact);
    if (named_by_pom(c, artifact) || ends_in(c->path, no_names, PL_COUNT(no_names)))
        return PL_OK;
    const pl_span versions[] = { version, m->version, m->bundle_version, m->spec_version };
    const pl_span names[] = { m->title, m->spec_title, artifact };
    own.version = first_word(versions, PL_COUNT(versions));
    own.artifact = version.len || pl_java_group_of(artifact).len ? artifact : first_word(names, 3);
    own.group = group_of(m, own.artifact);
    return own.version.len && is_word(own.artifact) ? put(c, &own, false, err) : PL_OK;
}

/* Tomcat's catalina.jar. Advisories speak of the server as a whole and, since some years, of this
 * part of it; of embedded Tomcat under its own name. */
static pl_rc put_tomcat(struct conclusion *c, struct pl_err *err)
{
    struct pl_java_coord t = { PL_LIT("org.apache.tomcat"), PL_LIT("tomcat"), c->archive->tomcat };
    if (t.version.len == 0 || has_artifact(c, PL_LIT("tomcat-embed-core")))
        return PL_OK;
    pl_rc rc = put(c, &t, false, err);
    t.artifact = PL_LIT("tomcat-catalina");
    return rc || has_artifact(c, t.artifact) ? rc : put(c, &t, false, err);
}

static pl_rc put_by_classes(void *ctx, const struct pl_java_coord *coord, bool by_classes,
                            struct pl_err *err)
{
    return put(ctx, coord, by_classes, err);
}

pl_rc pl_java_conclude(struct pl_java_archive *a, pl_span path, struct pl_sink *out,
                       struct pl_err *err)
{
    struct conclusion c = { a, path, out, PL_VEC(struct pl_java_coord) };
    pl_rc rc = put_poms(&c, err);
    if (!rc)
        rc = put_own(&c, err);
    if (!rc)
        rc = put_tomcat(&c, err);
    if (!rc)
        rc = pl_java_classes(a, path, out, has_artifact, put_by_classes, &c, err);
    if (!rc && c.told.n == 0 && a->n_classes)
        pl_sink_gap(out, path, "missing",
                    "neither metadata nor its name say which library, of which version, its %zu "
                    "classes are",
                    a->n_classes);
    return rc;
}
