// The report's own script: language, filter, search, sort, unfolding. Nothing is fetched, nothing
// from the image is ever parsed as HTML: texts are moved as textContent only.
"use strict";
(() => {
  const zh = {
    "Image report": "镜像报告", "Language": "语言", "Skip to findings": "跳到发现", "Images": "镜像",
    "critical": "严重", "high": "高危", "medium": "中危", "low": "低危", "negligible": "可忽略",
    "not rated": "未评级", "exploited": "已被利用", "ransomware": "勒索软件", "suppressed": "已抑制",
    "Do first": "先做这些", "Findings": "发现", "Layers": "镜像层", "Not looked at": "未检查",
    "Coverage": "覆盖范围", "Judged by": "评估依据", "Copy": "复制", "Copied": "已复制",
    "layers": "层", "layer": "层", "packages": "个软件包", "Severity": "严重性", "Vulnerability": "编号",
    "Package": "软件包", "Mended in": "修复版本", "Layer": "层", "Priority": "优先级",
    "Search id, package, path": "搜索编号、软件包、路径", "All classes": "所有类别",
    "All layers": "所有层", "All severities": "所有级别", "Class": "类别",
    "With a fix": "有修复版本", "Show suppressed": "显示已抑制", "shown": "条显示", "of": "/",
    "By severity": "按严重性", "Mended by an upgrade": "升级可修复", "By layer": "按层",
    "findings": "条发现", "have a fix": "有修复版本", "nothing found": "未发现问题",
    "fixed": "已修复", "affected": "受影响", "will_not_fix": "不予修复", "fix_deferred": "推迟修复",
    "end_of_life": "已停止维护", "under_investigation": "调查中", "not_affected": "不受影响",
    "no fix yet": "暂无修复", "will not be fixed": "不予修复", "fix put off": "推迟修复",
    "no longer maintained": "已停止维护", "still being looked into": "调查中",
    "assessed": "已评估", "partial": "部分评估", "unsupported": "不支持", "skipped": "未评估",
    "os-vuln": "系统漏洞", "app-vuln": "应用漏洞", "malware": "恶意软件", "sensitive": "敏感信息",
    "baseline": "基线合规", "build": "构建风险", "trust": "可信性",
    "Aliases": "别名", "Rated by": "评级来源", "CVSS": "CVSS", "EPSS": "EPSS", "Published": "发布时间",
    "Path": "路径", "Line": "行", "Match": "匹配", "Command": "命令", "Installed": "已安装版本",
    "Fix": "修复", "Caution": "注意", "Why first": "优先原因", "Cause": "原因", "References": "参考",
    "Weakness": "弱点", "Source": "来源", "Note": "备注", "Suppressed by": "抑制来源", "Reason": "原因",
    "Removed in layer": "删除于层", "Package URL": "软件包 URL", "Owner": "所属软件包",
    "State": "状态", "By": "依据", "As of": "截至", "Detail": "详情", "Feed": "数据源",
    "Records": "记录数", "Database built": "数据库生成于", "history only": "仅历史记录",
    "closes": "关闭", "vulnerabilities": "个漏洞", "Base image": "基础镜像", "all of them": "全部",
    "Everything that was asked for was looked at.": "要求检查的内容均已检查。",
    "No findings.": "没有发现。", "Nothing matches the filter.": "没有符合筛选条件的结果。",
    "left out by": "被以下选项略去：", "All that have a fix, at once": "一次修复全部",
    "No advisory database was used.": "未使用安全公告数据库。",
    "priority:high": "高", "priority:medium": "中", "priority:low": "低", // severities are other words
    "not given": "未提供", "end of life": "停止维护", "details": "详情",
  };
  const en = new Map();
  const $ = (s, from = document) => [...from.querySelectorAll(s)];
  const store = {
    get() { try { return localStorage.getItem("plimsoll-lang"); } catch { return null; } },
    set(v) { try { localStorage.setItem("plimsoll-lang", v); } catch { /* a file without storage */ } },
  };
  const word = (text, of = "") => (document.documentElement.lang === "zh-CN" ? zh[of + text] ?? text : text);

  function speak(lang) {
    document.documentElement.lang = lang;
    for (const e of $("[data-t]")) {
      if (!en.has(e)) en.set(e, e.textContent);
      e.textContent = word(en.get(e), e.dataset.t);
    }
    for (const name of ["placeholder", "aria-label", "title"])
      for (const e of $(`[data-t-${name}]`)) e.setAttribute(name, word(e.getAttribute(`data-t-${name}`)));
    const button = document.getElementById("language");
    button.textContent = lang === "zh-CN" ? "English" : "中文";
    button.lang = lang === "zh-CN" ? "en" : "zh-CN";
    for (const article of $("article")) count(article);
  }

  function count(article) {
    const all = $("tbody.f", article), shown = all.filter((b) => !b.hidden).length;
    const out = article.querySelector(".filters output");
    if (out) out.textContent = `${shown} ${word("of")} ${all.length} ${word("shown")}`;
    const none = article.querySelector(".nomatch");
    if (none) none.hidden = shown > 0 || all.length === 0;
  }

  function filter(article) {
    const value = (name) => article.querySelector(`[name=${name}]`);
    const words = value("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const severity = value("severity").value, cls = value("class").value, layer = value("layer").value;
    const fixable = value("fixable").checked, suppressed = value("suppressed").checked;
    for (const body of $("tbody.f", article)) {
      const d = body.dataset;
      body.text ??= body.textContent.toLowerCase();
      body.hidden = (severity && d.s !== severity) || (cls && d.c !== cls) || (layer && d.l !== layer) ||
        (fixable && d.x !== "1") || (!suppressed && d.u === "1") || !words.every((w) => body.text.includes(w));
    }
    for (const tile of $(".tile", article))
      tile.setAttribute("aria-pressed", String(severity !== "" && tile.dataset.s === severity));
    count(article);
  }

  function sort(article, th) {
    const key = th.dataset.sort, up = th.getAttribute("aria-sort") === "descending";
    const table = th.closest("table"), number = key === "s" || key === "l" || key === "p";
    for (const other of $("th", table)) other.removeAttribute("aria-sort");
    th.setAttribute("aria-sort", up ? "ascending" : "descending");
    const bodies = $("tbody.f", table).map((b, i) => [b, b.dataset[key] ?? "", i]);
    bodies.sort((a, b) => (number ? a[1] - b[1] : a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0) * (up ? 1 : -1) || a[2] - b[2]);
    table.append(...bodies.map((b) => b[0]));
  }

  for (const article of $("article")) {
    const form = article.querySelector(".filters");
    if (form) {
      form.addEventListener("input", () => filter(article));
      form.addEventListener("submit", (e) => e.preventDefault());
      filter(article);
    }
    article.addEventListener("click", (e) => {
      const button = e.target.closest("button");
      if (!button) return;
      const choose = (name, value) => {
        const select = article.querySelector(`[name=${name}]`);
        select.value = select.value === value ? "" : value;
        filter(article);
      };
      if (button.matches(".more")) {
        const row = button.closest("tbody").querySelector(".detail");
        button.setAttribute("aria-expanded", String(row.classList.toggle("open")));
      } else if (button.matches(".tile")) {
        choose("severity", button.dataset.s);
      } else if (button.matches(".layers button")) {
        choose("layer", button.dataset.l);
        article.querySelector(".findings").scrollIntoView();
      } else if (button.matches(".copy")) {
        navigator.clipboard?.writeText(button.parentElement.querySelector("pre").textContent)
          .then(() => { button.textContent = word("Copied"); }, () => {});
      } else if (button.closest("th")) {
        sort(article, button.closest("th"));
      }
    });
  }
  document.getElementById("language").addEventListener("click", () => {
    const lang = document.documentElement.lang === "zh-CN" ? "en" : "zh-CN";
    store.set(lang);
    speak(lang);
  });
  document.getElementById("language").hidden = false;
  for (const e of $(".needs-script")) e.hidden = false;
  speak(store.get() ?? (navigator.language.startsWith("zh") ? "zh-CN" : "en"));
})();
