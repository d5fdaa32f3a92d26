#!/usr/bin/env node
// Looks at the pages of a running Alfa in Chromium, as its users do.
//
//   node pages.mjs --base http://musterstadt.localhost:8080 --caseworker erika:geheim \
//                  [--mailroom rita:geheim] [--operator oskar:geheim] [--shots DIR] [--chromium PATH]
//
// On each page, light, dark, 1280 and 320 px wide: no axe violation, no message of the content security policy, no foreign
// request, no script error, no sideways scrolling, and no table that is cut off at 1280 px and more. Then: the main path without script, keyboard focus that is always
// seen, both ways, text that is spaced widely, names with rare letters, a form sent twice that happens once, a row that
// changes under the reader's hands without moving, and a draft that stays.
// Exits 1 with a line per failure. Without a mailroom or operator login those pages are skipped, and it says so.

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values: told } = parseArgs({
  options: {
    base: { type: "string" },
    caseworker: { type: "string" },
    mailroom: { type: "string" },
    operator: { type: "string" },
    shots: { type: "string" },
    chromium: { type: "string", default: "/usr/bin/chromium" },
  },
});
if (!told.base || !told.caseworker) {
  console.error("usage: pages.mjs --base URL --caseworker login:password [--mailroom …] [--operator …] [--shots DIR]");
  process.exit(2);
}
if (!existsSync(told.chromium)) {
  console.error(`there is no Chromium at ${told.chromium} (apt-get install chromium)`);
  process.exit(2);
}

const base = new URL(told.base).origin;
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const AXE = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
const LOOKS = [
  { name: "hell", viewport: { width: 1440, height: 900 }, colorScheme: "light" },
  { name: "dunkel", viewport: { width: 1440, height: 900 }, colorScheme: "dark" },
  { name: "1280", viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  { name: "320", viewport: { width: 320, height: 800 }, colorScheme: "light" },
];
const failures = [];
const fail = (where, what) => { failures.push(`${where}: ${what}`); console.error(`FAILED ${where}: ${what}`); };
const check = (where, holds, what) => { if (!holds) fail(where, what); };
const passed = (what) => console.log(`ok  ${what}`);

const browser = await chromium.launch({ executablePath: told.chromium, args: ["--lang=de", "--no-sandbox"] });

/** A context that reports what must not happen. */
async function context(look, more = {}) {
  const { viewport, colorScheme } = look;
  const made = await browser.newContext({ viewport, colorScheme, locale: "de-DE", ...more });
  made.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith("data:") && new URL(url).origin !== base) fail(look.name, `foreign request to ${url}`);
  });
  made.on("console", (message) => {
    if (/content security policy/i.test(message.text())) fail(look.name, `content security policy: ${message.text()}`);
  });
  // In a window of a desk nothing is cut off at the right; only in a narrower one are tables moved sideways.
  made.wide = viewport.width >= 1280;
  made.on("weberror", (error) => fail(look.name, `script error: ${error.error()}`));
  return made;
}

async function signIn(page, account) {
  const [login, ...password] = account.split(":");
  await page.goto(`${base}/anmeldung`);
  await page.getByLabel("Kennung").fill(login);
  await page.getByLabel("Passwort").fill(password.join(":"));
  await page.getByRole("button", { name: "Anmelden" }).click();
  await page.waitForURL((url) => !url.pathname.startsWith("/anmeldung"), { timeout: 10_000 });
}

async function axe(page, where) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate((options) => globalThis.axe.run(document, options), AXE);
  for (const { id, nodes } of violations) fail(where, `axe ${id}: ${nodes.map((node) => node.target.join(" ")).slice(0, 3).join(", ")}`);
}

/** One page under its real policy, with a picture, then once more for axe, which the policy would keep out. */
async function look(real, relaxed, where, path) {
  const page = await real.newPage();
  const answer = await page.goto(base + path);
  check(where, answer.status() === 200, `status ${answer.status()}`);
  await page.waitForTimeout(200);
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(where, sideways <= 0, `scrolls sideways by ${sideways} px`);
  if (real.wide) {
    const cut = await page.locator(".alfa-rollbereich").evaluateAll((all) => all.map((one) => one.scrollWidth - one.clientWidth));
    check(where, cut.every((pixels) => pixels <= 0), `a table is cut off at the right by ${cut} px`);
  }
  if (told.shots) {
    mkdirSync(told.shots, { recursive: true });
    await page.screenshot({ path: join(told.shots, `${where}.png`), fullPage: true });
  }
  await page.close();
  const again = await relaxed.newPage();
  await again.goto(base + path);
  await axe(again, where);
  await again.close();
}

async function firstCase(page) {
  await page.goto(`${base}/vorgaenge?ansicht=alle`);
  const link = page.locator("#zeilen a.alfa-vorgang").first();
  return (await link.count()) ? link.getAttribute("href") : null;
}

async function looks() {
  for (const one of LOOKS) {
    const [real, relaxed] = [await context(one), await context(one, { bypassCSP: true })];
    await look(real, relaxed, `anmeldung-${one.name}`, "/anmeldung");
    const pages = async (account, wanted) => {
      const page = await real.newPage();
      await signIn(page, account);
      await relaxed.addCookies(await real.cookies());
      for (const [name, path] of await wanted(page)) await look(real, relaxed, `${name}-${one.name}`, path);
      await page.close();
      await real.clearCookies();
      await relaxed.clearCookies();
    };
    await pages(told.caseworker, async (page) => {
      const found = await firstCase(page);
      const lists = [["liste", "/vorgaenge?ansicht=alle"], ["liste-leer", "/vorgaenge?ansicht=alle&suche=gibtesnicht"]];
      if (!found) console.error("SKIPPED: no case in the list, the case page was not looked at");
      return found ? [...lists, ["vorgang", found]] : lists;
    });
    if (told.mailroom) await pages(told.mailroom, async () => [["klaerung", "/klaerung"]]);
    else if (one === LOOKS[0]) console.error("SKIPPED: no --mailroom login, clearing items were not looked at");
    if (told.operator) await pages(told.operator, async () => [["betrieb", "/betrieb"]]);
    else if (one === LOOKS[0]) console.error("SKIPPED: no --operator login, operations were not looked at");
    await real.close();
    await relaxed.close();
    passed(`pages ${one.name}`);
  }
}

async function withoutScript() {
  const where = "ohne-script";
  const made = await context(LOOKS[0], { javaScriptEnabled: false });
  const page = await made.newPage();
  await page.goto(`${base}/vorgaenge?ansicht=alle`);
  check(where, page.url().includes("/anmeldung"), "whoever is signed out must come to the sign-in page");
  await signIn(page, told.caseworker);
  const found = await firstCase(page);
  if (found) {
    await page.goto(base + found);
    const text = `Ohne Script ${Date.now()}`;
    await page.getByLabel("Kommentar für Kolleg:innen").fill(text);
    await page.getByRole("button", { name: "Kommentar speichern" }).click();
    await page.getByText("Der Kommentar ist gespeichert.").waitFor({ timeout: 5_000 });
    check(where, await page.getByText(text).count() === 1, "the comment must stand on the page once");
    await page.goto(`${base}/vorgang/${"0".repeat(32)}`);
    await page.getByRole("heading", { name: "Nicht gefunden" }).waitFor({ timeout: 5_000 });
  }
  await page.goto(`${base}/vorgaenge?ansicht=alle`);
  await page.getByRole("button", { name: "Abmelden" }).click();
  await page.getByText("Sie sind abgemeldet.").waitFor({ timeout: 5_000 });
  await page.goto(`${base}/vorgaenge`);
  check(where, page.url().includes("/anmeldung"), "a session that has ended must not open a page");
  await made.close();
  passed("main path without script");
}

/** What has the focus now: whether it is seen, and whether something lies over it; null where nothing has it. */
function focused() {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  const [width, height] = [document.documentElement.clientWidth, document.documentElement.clientHeight];
  const inside = box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < height && box.left < width;
  const [left, right] = [Math.max(box.left, 0), Math.min(box.right, width - 1)];
  const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, height - 1)];
  const points = [[left + 2, top + 2], [right - 2, bottom - 2], [(left + right) / 2, (top + bottom) / 2]];
  const over = points.map(([x, y]) => document.elementFromPoint(x, y)).filter((found) => found && (at.contains(found) || found.contains(at)));
  globalThis.walked ??= new Map();
  if (!globalThis.walked.has(at)) globalThis.walked.set(at, globalThis.walked.size);
  return {
    id: globalThis.walked.get(at),
    what: `${at.tagName} ${(at.getAttribute("aria-label") ?? at.textContent).trim().slice(0, 30)}`,
    shown: style.outlineStyle !== "none" || style.boxShadow !== "none",
    covered: inside && over.length === 0,
    inside,
  };
}

/** Goes through a page with Tab or Shift+Tab, to its end; what was met, in order. */
async function walk(page, where, key) {
  const met = [];
  for (let step = 0; step < 400; step += 1) {
    await page.keyboard.press(key);
    const seen = await page.evaluate(focused);
    if (!seen || met.includes(seen.id)) return met;
    met.push(seen.id);
    check(where, seen.shown, `the focus is not seen on ${seen.what}`);
    check(where, seen.inside, `the focus lies outside the window on ${seen.what}`);
    check(where, !seen.covered, `something covers ${seen.what}`);
  }
  fail(where, `${key} does not come to an end`);
  return met;
}

/** Opens the list, the first case and operations in windows of both widths. */
async function onEachPage(more, visit) {
  for (const one of [LOOKS[0], LOOKS.at(-1)]) {
    const made = await context(one, more);
    const page = await made.newPage();
    await signIn(page, told.caseworker);
    const found = await firstCase(page);
    if (!found) console.error("SKIPPED: no case in the list, the case page was not looked at");
    for (const [name, path] of [["liste", "/vorgaenge?ansicht=alle"], ["vorgang", found]].filter(([, path]) => path)) {
      await page.goto(base + path);
      await visit(page, `${name}-${one.viewport.width}`);
    }
    if (told.operator) {
      await made.clearCookies();
      await signIn(page, told.operator);
      await page.goto(`${base}/betrieb`);
      // Rows that change meanwhile are not the matter here.
      await page.getByRole("button", { name: "Anhalten" }).click();
      // Back to the beginning: losing the focus alone does not lead there.
      await page.evaluate(() => { document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute("tabindex"); });
      await visit(page, `betrieb-${one.viewport.width}`);
    }
    await made.close();
  }
}

async function keyboard() {
  await onEachPage({}, async (page, name) => {
    const forth = await walk(page, `tastatur-${name}`, "Tab");
    await page.evaluate(() => document.activeElement.blur());
    const back = await walk(page, `tastatur-${name}-zurück`, "Shift+Tab");
    check(`tastatur-${name}`, forth.length > 5, `only ${forth.length} places can be reached`);
    const [here, there] = [new Set(forth), new Set(back)];
    const only = [...here].filter((id) => !there.has(id)).length + [...there].filter((id) => !here.has(id)).length;
    check(`tastatur-${name}`, only === 0, `${only} places are reached in one direction only`);
  });
  passed("keyboard, list, case and operations, both ways");
}

/** WCAG 1.4.12: with the spacing that a reader may ask for, no text is cut off and nothing scrolls sideways. */
async function spacing() {
  const wide = `* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }
    p { margin-bottom: 2em !important; }`;
  await onEachPage({ bypassCSP: true }, async (page, name) => {
    await page.addStyleTag({ content: wide });
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(`abstand-${name}`, sideways <= 0, `scrolls sideways by ${sideways} px`);
    const cut = await page.evaluate(() => {
      const own = (at) => [...at.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
      const hides = (way) => way === "hidden" || way === "clip";
      return [...document.body.querySelectorAll("*")].filter((at) => {
        const style = getComputedStyle(at);
        if (!own(at) || !at.checkVisibility() || at.closest(".kern-sr-only, .alfa-skip, select, option")) return false;
        return (hides(style.overflowX) && at.scrollWidth > at.clientWidth + 1) || (hides(style.overflowY) && at.scrollHeight > at.clientHeight + 1);
      }).map((at) => `${at.tagName}.${at.className} ${at.textContent.trim().slice(0, 30)}`);
    });
    for (const what of cut) fail(`abstand-${name}`, `cut off: ${what}`);
  });
  passed("text spacing");
}

/** Letters of DIN 91379 that few fonts have, some of them with marks that combine. */
const NAMES = ["Ḧolm", "Żółć", "Ǆukić", "Ņikiforovs", "Nguyễn Thị Ờ", "K̂enza J̌ân", "M̂aria C̨iC̆i", "Ṡeán Ŵyn", "İpekçi", "Ʒiʒa"];

async function names() {
  const made = await context(LOOKS[0]);
  const page = await made.newPage();
  await signIn(page, told.caseworker);
  const found = await firstCase(page);
  if (!found) { await made.close(); console.error("SKIPPED: no case in the list, names were not tried"); return; }
  await page.goto(base + found);
  await page.getByLabel("Kommentar für Kolleg:innen").fill(NAMES.join("\n"));
  await page.getByRole("button", { name: "Kommentar speichern" }).click();
  await page.getByText("Der Kommentar ist gespeichert.").waitFor({ timeout: 5_000 });
  const comment = page.locator(".alfa-kommentar .alfa-text").filter({ hasText: NAMES[0] }).first();
  // Byte for byte: nothing on the way may compose or decompose a name.
  const shown = (await comment.textContent()).split(/\r?\n/);
  for (const [at, name] of NAMES.entries()) check("namen", shown[at] === name, `${name} is shown as ${shown[at]}`);
  const devtools = await made.newCDPSession(page);
  await devtools.send("DOM.enable");
  await devtools.send("CSS.enable");
  await comment.evaluate((at) => at.setAttribute("id", "namensprobe"));
  const { root } = await devtools.send("DOM.getDocument");
  const { nodeId } = await devtools.send("DOM.querySelector", { nodeId: root.nodeId, selector: "#namensprobe" });
  await page.evaluate(() => document.fonts.ready);
  const { fonts } = await devtools.send("CSS.getPlatformFontsForNode", { nodeId });
  check("namen", fonts.length > 0, "nobody knows which font the names are shown in");
  for (const font of fonts) check("namen", font.isCustomFont, `${font.glyphCount} letters come from ${font.familyName} of the machine`);
  await made.close();
  passed("names of DIN 91379");
}

/** What somebody else does on a case leaves alone what is being written there. */
async function draft() {
  const made = await context(LOOKS[0]);
  const [page, other] = [await made.newPage(), await made.newPage()];
  await signIn(page, told.caseworker);
  const found = await firstCase(page);
  if (!found) { await made.close(); console.error("SKIPPED: no case in the list, drafts were not tried"); return; }
  await page.goto(base + found);
  await page.waitForTimeout(1_000);
  await page.getByLabel("Kommentar für Kolleg:innen").pressSequentially("Halb geschrie");
  await other.goto(base + found);
  await other.getByLabel("Kommentar für Kolleg:innen").fill(`Dazwischen ${Date.now()}`);
  await other.getByRole("button", { name: "Kommentar speichern" }).click();
  await other.getByText("Der Kommentar ist gespeichert.").waitFor({ timeout: 5_000 });
  await page.bringToFront();
  const noticed = await page.locator("#geaendert:not([hidden])").waitFor({ timeout: 8_000 }).then(() => true, () => false);
  check("entwurf", noticed, "the page does not tell that the case has changed");
  await page.keyboard.type("ben");
  const field = page.getByLabel("Kommentar für Kolleg:innen");
  check("entwurf", await field.inputValue() === "Halb geschrieben", `the draft became: ${await field.inputValue()}`);
  await made.close();
  passed("a draft survives a live change");
}

async function live() {
  const made = await context(LOOKS[0]);
  const page = await made.newPage();
  await signIn(page, told.caseworker);
  const found = await firstCase(page);
  if (!found) { await made.close(); console.error("SKIPPED: no case in the list, live changes were not tried"); return; }
  const row = page.locator(`tr#v-${found.split("/")[2].split("?")[0]}`);
  await row.locator("a").first().focus();
  const before = await row.getAttribute("data-stand");
  await page.waitForTimeout(1_000);
  const other = await made.newPage();
  await other.goto(base + found);
  const text = `Zweimal gesendet ${Date.now()}`;
  await other.getByLabel("Kommentar für Kolleg:innen").fill(text);
  await other.getByRole("button", { name: "Kommentar speichern" }).dblclick();
  await other.getByText("Der Kommentar ist gespeichert.").waitFor({ timeout: 5_000 });
  await other.waitForTimeout(500);
  await other.goto(base + found);
  check("zweimal", await other.getByText(text).count() === 1, "a form sent twice must happen once");
  passed("a form sent twice happens once");
  await page.bringToFront();
  const changed = await page.waitForFunction(
    ([id, was]) => document.querySelector(`#${id}`)?.dataset.stand !== was, [await row.getAttribute("id"), before], { timeout: 8_000 },
  ).then(() => true, () => false);
  check("live", changed, "the row did not change after a comment");
  const focused = await row.locator("a").first().evaluate((link) => link === document.activeElement);
  check("live", focused, "the focus was lost when the row changed");
  await made.close();
  passed("a row changes in place");
}

/** The clearing tray says what came and what went, and moves nothing: it has to be loaded for that. */
async function tray() {
  if (!told.mailroom) return;
  const made = await context(LOOKS[0]);
  const page = await made.newPage();
  await signIn(page, told.mailroom);
  await page.goto(`${base}/klaerung`);
  const items = page.locator(".alfa-klaerung > li");
  const shown = await items.count();
  const tell = (name, id) => page.evaluate(([name, data]) => document.dispatchEvent(new CustomEvent(name, { detail: { data } })), [name, id]);
  const says = async (words) => check("klaerung", await page.locator("#neues").innerText() === words, `it must say "${words}": ${await page.locator("#neues").innerText()}`);
  await tell("alfa:klaerung", "1");
  await says("1 neuer Klärungsfall – anzeigen");
  await tell("alfa:klaerung", "2");
  await says("2 neue Klärungsfälle – anzeigen");
  check("klaerung", await page.locator("#neues a").getAttribute("href") === "/klaerung", "the hint must lead to the tray");
  await tell("alfa:geklaert", "1");
  await says("1 neuer Klärungsfall – anzeigen");
  await tell("alfa:geklaert", "2");
  check("klaerung", await page.locator("#neues").isHidden(), "what came and went again needs no hint");
  if (shown) {
    await tell("alfa:geklaert", (await items.first().getAttribute("id")).slice(2));
    await says("Klärungsfälle haben sich geändert – neu laden");
  }
  check("klaerung", await items.count() === shown, "an item moved under the hand");
  await made.close();
  passed("the clearing tray tells what came and went");
}

/** Typing asks once, after a pause, for completions of what the reader may see; Enter searches as without script. */
async function suggestions() {
  const made = await context(LOOKS[0]);
  const page = await made.newPage();
  await signIn(page, told.caseworker);
  const found = await firstCase(page);
  if (!found) { await made.close(); console.error("SKIPPED: no case in the list, completions were not tried"); return; }
  const number = (await page.locator("#zeilen .alfa-nummer").first().textContent()).trim();
  let asked = 0;
  page.on("request", (request) => { if (new URL(request.url()).pathname === "/vorgaenge/vorschlaege") asked += 1; });
  const field = page.getByLabel("Vorgänge suchen");
  await field.pressSequentially(number, { delay: 20 });
  const offered = page.locator(`#vorschlaege option[value="${number}"]`);
  await offered.waitFor({ state: "attached", timeout: 5_000 });
  check("vorschlag", asked === 1, `typing asked ${asked} times`);
  await field.press("Enter");
  await page.getByText(`Suche: ${number}`).first().waitFor({ timeout: 5_000 });
  check("vorschlag", await page.locator("#zeilen > tr").count() === 1, "the search must find the one case");
  await made.close();
  passed("completions while typing");
}

for (const part of [looks, withoutScript, keyboard, spacing, names, live, draft, tray, suggestions]) {
  try {
    await part();
  } catch (error) {
    fail(part.name, error.message.split("\n")[0]);
  }
}
await browser.close();
console.log(failures.length ? `${failures.length} failures` : "all pages as they should be");
process.exitCode = failures.length ? 1 : 0;
