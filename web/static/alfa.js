// Alfa's one script: live changes, keys, and forms that are sent once. Every page works without it.
"use strict";
(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const say = (words) => { const place = one("#ansage"); if (place) place.textContent = words; };
  const swap = (target, text) => window.htmx.swap({ sourceElement: target, target, text, swap: "outerMorph", hx: {} });

  // --- Live: the server names the event, the page decides what it means here. Rows change in place and never move.
  const fresh = new Set();
  const hint = (words) => {
    const place = one("#neues") || one("#geaendert");
    if (!place) return;
    const anchor = one("a", place) || place.appendChild(document.createElement("a"));
    anchor.className = "kern-link";
    anchor.href = place.dataset.alfaAdresse || location.href;
    anchor.textContent = words;
    if (place.hidden) say(words);
    place.hidden = false;
  };
  document.addEventListener("alfa:zeile", (event) => {
    const template = document.createElement("template");
    template.innerHTML = `<table><tbody>${event.detail.data}</tbody></table>`;
    const row = one("tr", template.content);
    const shown = row && document.getElementById(row.id);
    if (shown) swap(shown, event.detail.data);
  });
  document.addEventListener("alfa:neu", (event) => {
    if (document.getElementById(`v-${event.detail.data}`)) return;
    fresh.add(event.detail.data);
    hint(fresh.size === 1 ? "1 neuer Vorgang – anzeigen" : `${fresh.size} neue Vorgänge – anzeigen`);
  });
  const [waiting, gone] = [new Set(), new Set()];
  const tray = () => {
    if (waiting.size) hint(waiting.size === 1 ? "1 neuer Klärungsfall – anzeigen" : `${waiting.size} neue Klärungsfälle – anzeigen`);
    else if (gone.size) hint("Klärungsfälle haben sich geändert – neu laden");
    else { const place = one("#neues"); if (place) place.hidden = true; }
  };
  document.addEventListener("alfa:klaerung", (event) => {
    if (document.getElementById(`k-${event.detail.data}`)) return;
    waiting.add(event.detail.data);
    tray();
  });
  document.addEventListener("alfa:geklaert", (event) => {
    if (document.getElementById(`k-${event.detail.data}`)) gone.add(event.detail.data);
    else waiting.delete(event.detail.data);
    tray();
  });
  document.addEventListener("alfa:zaehler", (event) => {
    const place = one("#navigation");
    if (place) window.htmx.swap({ sourceElement: place, target: place, text: event.detail.data, swap: "innerMorph", hx: {} });
  });
  document.addEventListener("alfa:geaendert", (event) => hint(event.detail.data));
  document.addEventListener("alfa:veraltet", () => hint("Es gab Änderungen in der Zwischenzeit – neu laden"));
  document.addEventListener("alfa:abgemeldet", () => { location.href = `/anmeldung?zurueck=${encodeURIComponent(location.pathname + location.search)}`; });
  document.addEventListener("htmx:sse:error", (event) => {
    if (event.detail && event.detail.status === 401) document.dispatchEvent(new CustomEvent("alfa:abgemeldet"));
  });

  // --- Operations: every second or two; only a change of state is announced, and the stream can be held.
  let held = false;
  const states = (root) => new Map([...root.querySelectorAll("tr[id]")].map((row) => [row.id, [one(".alfa-akteur__name", row)?.textContent, one(".kern-badge", row)?.textContent.trim()]]));
  document.addEventListener("alfa:baum", (event) => {
    const tree = one("#baum");
    if (!tree || held) return;
    const before = states(tree);
    Promise.resolve(swap(tree, event.detail.data)).then(() => {
      const changed = [...states(one("#baum"))].filter(([id, [, state]]) => before.has(id) && before.get(id)[1] !== state && !["läuft", "arbeitet", "frei"].includes(state));
      if (changed.length) say(changed.map(([, [name, state]]) => `${name}: ${state}`).join(", "));
    });
  });
  document.addEventListener("alfa:stand", (event) => {
    const place = one("#betrieb-stand");
    if (place && !held) place.textContent = `Stand ${event.detail.data}`;
  });
  const pause = one("[data-alfa-pause]");
  if (pause) {
    pause.hidden = false;
    pause.addEventListener("click", () => { held = !held; pause.textContent = held ? "Fortsetzen" : "Anhalten"; });
  }

  // --- Forms: a second click does nothing (the hidden key makes it harmless in any case).
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-alfa-einmal]");
    if (!form) return;
    if (form.dataset.gesendet) event.preventDefault();
    form.dataset.gesendet = "ja";
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[data-gesendet]").forEach((form) => delete form.dataset.gesendet);
  });

  // --- Keys: only outside of fields, and they can be turned off for good (WCAG 2.1.4).
  const OFF = "alfa-tasten-aus";
  const keys = one("[data-alfa-tasten]");
  const allowed = () => localStorage.getItem(OFF) === null;
  if (keys) {
    keys.hidden = false;
    const button = one("[data-alfa-tasten-aus]", keys);
    const label = () => { button.textContent = allowed() ? "Tasten ausschalten" : "Tasten einschalten"; };
    label();
    button.addEventListener("click", () => { if (allowed()) localStorage.setItem(OFF, "ja"); else localStorage.removeItem(OFF); label(); });
  }
  const move = (by) => {
    const rows = [...document.querySelectorAll("#zeilen > tr")];
    if (!rows.length) return;
    const now = rows.findIndex((row) => row.classList.contains("alfa-gewaehlt"));
    const next = rows[Math.min(rows.length - 1, Math.max(0, now < 0 ? 0 : now + by))];
    rows.forEach((row) => row.classList.toggle("alfa-gewaehlt", row === next));
    one("a", next)?.focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !allowed()) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    if (event.key === "/") { const field = one("#suche"); if (field) { event.preventDefault(); field.focus(); } }
    else if (event.key === "j" && keys) move(1);
    else if (event.key === "k" && keys) move(-1);
  });

  // --- The menu: open on wide windows where the browser cannot show a closed one (see alfa.css).
  const menu = one(".alfa-nav");
  if (menu && !CSS.supports("selector(::details-content)") && matchMedia("(min-width: 62rem)").matches) menu.open = true;

  // --- After an answer that needs reading, the reader starts there.
  one("#meldung[role=alert]")?.focus();
})();
