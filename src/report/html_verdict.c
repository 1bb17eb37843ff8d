#include "report/html.h"
#include "report/words.h"

static const char *const zh_severity[] = { "未评级", "可忽略", "低危", "中危", "高危", "严重" };

static void zh_counts(struct pl_html *h, const struct pl_html_counts *c)
{
    const char *gap = "";
    for (int s = PL_SEVERITY_CRITICAL; s >= PL_SEVERITY_UNKNOWN; s--)
        if (c->by[s]) {
            fprintf(h->out, "%s%s %zu", gap, zh_severity[s], c->by[s]);
            gap = "、";
        }
    fprintf(h->out, "，涉及 %zu 个软件包或文件。", h->groups.n);
    if (c->fixable)
        fprintf(h->out, "其中 %zu 项已有修复。", c->fixable);
    else
        pl_html_raw(h, "目前均无修复。");
}

static void zh_nothing(struct pl_html *h)
{
    enum pl_coverage_state os = h->r->coverage[PL_CLASS_OS_VULN].state;
    if (h->r->n_filtered)
        pl_html_raw(h, "筛选后没有可显示的内容。");
    else if (os == PL_COVERAGE_UNSUPPORTED || os == PL_COVERAGE_END_OF_LIFE)
        pl_html_raw(h, "未能评估：没有适用于此系统的安全公告。未发现问题并不说明没有问题。");
    else if (!pl_words_whole(h->r))
        fprintf(h->out, "已评估的部分中没有发现问题；另有 %zu 处未检查。", h->r->n_gaps);
    else if (os == PL_COVERAGE_SKIPPED)
        pl_html_raw(h, "所要求的检查没有发现问题；未检查漏洞。");
    else if (h->r->inventory.n_packages == 0)
        pl_html_raw(h, "没有可评估的内容：镜像中没有找到软件包。");
    else
        fprintf(h->out, "可以放行：%zu 个软件包中没有已知漏洞。", h->r->inventory.n_packages);
}

/* The same verdict as pl_words_verdict(), in Chinese: denied, found, or nothing and what that
 * means. */
static void zh_verdict(struct pl_html *h)
{
    struct pl_html_counts c = pl_html_count(h->r, -1);
    const struct pl_verdict *v = &h->r->verdict;
    if (v->policy.len && !v->allowed) {
        pl_html_raw(h, "不予放行（");
        pl_html_text(h, v->policy);
        pl_html_raw(h, "）：");
    } else if (c.total) {
        pl_html_raw(h, pl_words_alarm(h->r, &h->groups) == 2 ? "不宜放行：" : "没有严重或高危项：");
    }
    if (c.total)
        zh_counts(h, &c);
    else
        zh_nothing(h);
    if (c.total && h->r->n_gaps)
        fprintf(h->out, "另有 %zu 处未检查。", h->r->n_gaps);
    if (h->r->n_filtered)
        fprintf(h->out, "另有 %zu 项被筛选略去。", (size_t)h->r->n_filtered);
}

void pl_html_verdict(struct pl_html *h)
{
    fprintf(h->out, "<section class=\"verdict v%d\" role=\"status\"><p class=\"en\" lang=\"en\">",
            pl_words_alarm(h->r, &h->groups));
    pl_html_text(h, pl_words_verdict(h->a, h->r, &h->groups));
    pl_html_raw(h, "</p><p class=\"zh\" lang=\"zh-CN\">");
    zh_verdict(h);
    pl_html_raw(h, "</p></section>\n");
}
