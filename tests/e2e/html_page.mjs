// Opens HTML reports in Chromium: nothing is refused by the page's own policy, nothing fetched; the
// filter, the search, the tiles, the layers, unfolding, sorting and the language do what they say.
// Usage: node html_page.mjs FOLDER PAGE...; pictures and a PDF go to FOLDER.
import assert from "node:assert/strict";
import path from "node:path";

const { chromium } = await import(process.env.PLAYWRIGHT_CORE);
const [folder, ...pages] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

async function open(file, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  const wrong = [], asked = [];
  page.on("console", (m) => m.type() === "error" && wrong.push(m.text()));
  page.on("pageerror", (e) => wrong.push(String(e)));
  page.on("request", (r) => asked.push(r.url()));
  await page.goto(`file://${path.resolve(file)}`);
  return { page, context, wrong, asked };
}

const visible = (page) => page.locator("tbody.f:not([hidden])").count();

for (const file of pages) {
  const { page, context, wrong, asked } = await open(file);
  assert.deepEqual(wrong, [], `${file}: ${wrong}`);
  assert.deepEqual(asked.filter((u) => !u.startsWith("file:")), [], file);
  // Nothing runs off the screen, not on a narrow one either.
  for (const width of [1280, 700, 390]) {
    await page.setViewportSize({ width, height: 900 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 1, `${file}: ${over} px too wide at ${width}`);
  }
  await context.close();
}

const shop = pages.find((p) => p.includes("shop"));
{
  const { page, context, wrong } = await open(shop);
  const all = await visible(page);
  assert.ok(all > 5);
  await page.selectOption("[name=severity]", { label: "critical" });
  const critical = await visible(page);
  assert.ok(critical > 0 && critical < all);
  assert.equal(await page.locator(".tile.t5").getAttribute("aria-pressed"), "true");
  await page.click(".tile.t5");
  assert.equal(await visible(page), all);
  await page.fill("[name=q]", "openssl");
  const found = await visible(page);
  assert.ok(found > 0 && found < all);
  await page.fill("[name=q]", "no such thing");
  assert.equal(await visible(page), 0);
  assert.ok(await page.locator(".nomatch").isVisible());
  await page.fill("[name=q]", "");
  await page.check("[name=fixable]");
  assert.ok((await visible(page)) < all);
  await page.uncheck("[name=fixable]");
  await page.check("[name=suppressed]");
  assert.equal(await visible(page), all + 1);
  await page.uncheck("[name=suppressed]");
  await page.click(".layers button >> nth=0");
  const layer = await visible(page);
  assert.ok(layer > 0 && layer < all);
  await page.click(".layers button >> nth=0");
  assert.equal(await visible(page), all);
  const more = page.locator("tbody.f:not([hidden]) .more").first();
  assert.equal(await page.locator(".detail:visible").count(), 0);
  await more.click();
  assert.equal(await page.locator(".detail:visible").count(), 1);
  assert.equal(await more.getAttribute("aria-expanded"), "true");
  await page.click("th[data-sort=n] button");
  const down = await page.locator("tbody.f:not([hidden]) td.v").first().textContent();
  await page.click("th[data-sort=n] button");
  const up = await page.locator("tbody.f:not([hidden]) td.v").first().textContent();
  assert.notEqual(down, up);
  assert.equal(await page.locator("th[data-sort=n]").getAttribute("aria-sort"), "ascending");
  await page.click("#language");
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  assert.match(await page.locator(".findings h2").textContent(), /发现/);
  assert.ok(await page.locator(".verdict .zh").isVisible());
  assert.ok(!(await page.locator(".verdict .en").isVisible()));
  await page.click("#language");
  assert.match(await page.locator(".findings h2").textContent(), /Findings/);
  assert.deepEqual(wrong, []);
  await context.close();
}

// Every control has a name, and text stands out from what is behind it, in both schemes.
for (const colorScheme of ["light", "dark"]) {
  const { page, context } = await open(shop, { colorScheme });
  const nameless = await page.evaluate(() => [...document.querySelectorAll("button, select, input, svg[role=img]")]
    .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.closest("label"))).length);
  assert.equal(nameless, 0);
  const poor = await page.evaluate(() => {
    const light = (c) => {
      const [r, g, b] = c.match(/[\d.]+/g).map(Number).map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (e) => {
      for (; e; e = e.parentElement) {
        const c = getComputedStyle(e).backgroundColor;
        if (!/, 0\)|transparent/.test(c)) return c;
      }
      return "rgb(255,255,255)";
    };
    return [...document.querySelectorAll("body *")]
      .filter((e) => !e.closest("svg") && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && e.offsetParent)
      .map((e) => {
        const a = light(getComputedStyle(e).color), b = light(behind(e));
        return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.tagName, e.className, e.textContent.slice(0, 30)];
      })
      .filter(([ratio]) => ratio < 4.5);
  });
  assert.deepEqual(poor, [], `${colorScheme}: ${JSON.stringify(poor.slice(0, 5))}`);
  await page.screenshot({ path: path.join(folder, `${colorScheme}.png`), fullPage: true });
  await context.close();
}
{
  const { page, context } = await open(shop, { locale: "zh-CN", colorScheme: "dark" });
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  await page.screenshot({ path: path.join(folder, "zh.png"), fullPage: true });
  await context.close();
}
{ // Without its script everything is still there.
  const { page, context } = await open(shop, { javaScriptEnabled: false });
  assert.ok(await page.locator(".detail").first().isVisible());
  assert.ok(!(await page.locator(".filters").isVisible()));
  await context.close();
}
{ // On paper: light colours, no controls.
  const { page, context } = await open(shop, { colorScheme: "dark" });
  await page.emulateMedia({ media: "print" });
  assert.ok(!(await page.locator(".filters").isVisible()));
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
  await page.pdf({ path: path.join(folder, "print.pdf"), format: "A4", printBackground: true });
  await context.close();
}
await browser.close();
