/// What moves on the page: one stream of changes, drawn where they belong. Text is set as text, never as
/// markup: a device's words cannot become a script.
enum PageScript {
    static let javascript = #"""
        "use strict";
        const $ = (id) => document.getElementById(id);
        const state = { status: null, points: new Map(), machines: [], alarms: null, events: [], trends: null,
          seen: 0 };
        let language = localStorage.getItem("language") || (navigator.language.startsWith("ko") ? "ko" : "en");
        const t = (key) => TEXTS[language][key] || key;

        function make(tag, attributes, ...children) {
          const isSVG = ["svg", "g", "rect", "text", "path", "title", "polyline"].includes(tag);
          const node = isSVG ? document.createElementNS("http://www.w3.org/2000/svg", tag)
            : document.createElement(tag);
          for (const [name, value] of Object.entries(attributes || {})) {
            if (name === "onclick") node.addEventListener("click", value);
            else if (value !== undefined && value !== null) node.setAttribute(name, value);
          }
          for (const child of children) if (child !== null && child !== undefined) node.append(child);
          return node;
        }
        const clock = (ms) => new Date(ms).toLocaleTimeString(language, { hour12: false });
        const moment = (ms) => new Date(ms).toLocaleString(language, { hour12: false });
        function number(value) {
          if (typeof value !== "number") return value === null || value === undefined ? "–" : String(value);
          const size = Math.abs(value);
          return value.toLocaleString(language, { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : 2 });
        }
        const shown = (point) => point && point.value !== null ? number(point.value) + (point.unit ? " "
          + point.unit : "") : "–";

        // ---- head
        function drawHead() {
          const s = state.status;
          if (!s) return;
          document.title = s.title + " · " + t(s.health);
          $("title").textContent = s.title;
          pill("health", t(s.health), s.health === "ok" ? "" : s.health === "fault" ? "bad" : "warn");
          const posture = s.posture.state;
          pill("posture", t("posture") + ": " + t(posture) + (s.posture.watts ? " " + number(s.posture.watts) + " W"
            : ""),
            posture === "normal" ? "" : posture === "conserve" || posture === "drain" ? "warn" : "bad");
          pill("arming", t("arming") + ": " + t(s.arming), s.arming === "disarmed" ? "idle" : "");
          const more = [s.posture.reason];
          if (s.upstream) more.push(t("upstream") + ": " + t(s.upstream.connected ? "connected" : "disconnected")
            + (s.upstream.behind ? ", " + s.upstream.behind + " " + t("behind") : ""));
          if (s.journal) more.push(t("journal") + ": " + t(s.journal.durable ? "durable" : "memory-only"));
          $("reason").textContent = more.filter(Boolean).join(" · ");
        }
        function pill(id, text, kind) { $(id).textContent = text; $(id).className = "pill " + kind; }

        // ---- mimic: columns of machines from the mains to the cards, cooling below, zones at the foot
        const columns = [
          ["supply", ["meter", "ats", "genset", "inverter"]], ["backup", ["ups", "battery", "rectifier"]],
          ["distribution", ["pdu"]] ];
        const cooling = ["chiller", "cdu", "crac", "rear-door", "heat-exchanger"];
        const telling = {
          ups: [/battery\.charge$/, /load/, /output.*power$/, /mode|state/], meter: [/(^|\.)power$/, /power/,
            /voltage/],
          genset: [/mode|state/, /fuel/, /speed|rpm/, /power/], ats: [/position|source|state/, /voltage/],
          pdu: [/(^|\.)power$/, /power/, /current/], battery: [/charge$/, /voltage/], rectifier: [/power/, /current/],
          inverter: [/power/], chiller: [/(leaving|supply|outlet).*temperature/, /temperature/, /state/],
          cdu: [/(supply|outlet).*temperature/, /flow/, /temperature/], crac: [/supply.*temperature/,
            /return.*temperature/,
          /temperature/], sensor: [/temperature/, /humidity/], other: [/./], "rear-door": [/temperature/],
          "heat-exchanger": [/temperature/] };

        function figures(machine, count) {
          const own = [...state.points.values()].filter((p) => p.name.startsWith(machine.name + ".")
            && p.value !== null);
          const chosen = [];
          for (const pattern of telling[machine.kind] || telling.other) {
            const found = own.find((p) => pattern.test(p.name.slice(machine.name.length + 1)) && !chosen.includes(p));
            if (found) chosen.push(found);
            if (chosen.length === count) break;
          }
          return chosen;
        }
        function unitOf(name) {
          for (const bus of state.status ? state.status.buses
            : []) for (const unit of bus.units) if (unit.name === name) return unit;
          return null;
        }
        function alarmsOf(name) {
          const isOurs = (a) => a.subject === name || a.subject.startsWith(name + ".");
          return (state.alarms || []).filter((a) => a.active && isOurs(a));
        }
        function condition(name, unit) {
          const alarms = alarmsOf(name);
          if (alarms.some((a) => a.severity === "critical" || a.severity === "major")) return "bad";
          if (unit && unit.state === "offline") return "bad";
          if (alarms.length) return "warn";
          return unit && unit.state === "online" ? "" : "idle";
        }
        function box(svg, x, y, width, title, lines, kind, hover) {
          const height = 60, group = make("g", {});
          group.append(make("title", {}, hover || title), make("rect", { class: "box", x, y, width, height, rx: 6 }),
            make("rect", { class: "stripe " + kind, x, y, width: 5, height, rx: 2 }));
          const room = Math.floor((width - 20) / 7);
          const cut = (text) => text.length > room ? text.slice(0, room - 1) + "…" : text;
          group.append(make("text", { class: "small", x: x + 14, y: y + 16 }, cut(title)));
          group.append(make("text", { class: "big", x: x + 14, y: y + 35 }, cut(lines[0] || "–")));
          group.append(make("text", { class: "small", x: x + 14, y: y + 51 }, cut(lines[1] || "")));
          svg.append(group);
        }
        function drawMachine(svg, machine, x, y, width) {
          const unit = unitOf(machine.name), values = figures(machine, 3);
          const lines = [values[0] ? shown(values[0]) : unit ? t(unit.state === "starting" ? "unread" : unit.state)
            : "–",
            unit && unit.state === "offline" ? unit.error || "" : values.slice(1).map(shown).join("  ")];
          const hover = [machine.title || machine.name, machine.model].concat(values.map((p) => p.name + " = "
            + shown(p)),
            alarmsOf(machine.name).map((a) => "! " + a.text)).filter(Boolean).join("\n");
          box(svg, x, y, width, machine.name, lines, condition(machine.name, unit), hover);
        }
        function drawMimic() {
          const s = state.status;
          if (!s) return;
          const svg = make("svg", { role: "img" }), width = 205, step = 72, gap = 46;
          const lists = columns.map(([key, kinds]) => [key,
            kinds.flatMap((k) => state.machines.filter((m) => m.kind === k))]);
          const loads = s.accelerators.map((card) => ({ card })).concat((s.inference ? s.inference.lanes
            : []).map((lane) => ({ lane })));
          const rows = Math.max(1, ...lists.map((l) => l[1].length), loads.length);
          lists.concat([["load", loads]]).forEach(([key, items], column) => {
            const x = 8 + column * (width + gap), top = 26 + (rows - Math.max(1, items.length)) * step / 2;
            svg.append(make("text", { class: "row", x, y: 14 }, t(key)));
            if (column) wire(svg, x - gap, x, 26 + rows * step / 2 - 6, flows(lists, column) ? "" : "idle");
            items.forEach((item, i) => {
              const y = top + i * step;
              if (item.card) drawCard(svg, item.card, x, y, width);
              else if (item.lane) drawLane(svg, item.lane, x, y, width);
              else drawMachine(svg, item, x, y, width);
            });
          });
          let y = 26 + rows * step + 18;
          y = drawRow(svg, "cooling", cooling.flatMap((k) => state.machines.filter((m) => m.kind === k)), y, true);
          y = drawRow(svg, "climate", state.machines.filter((m) => m.kind === "sensor" || m.kind === "other"), y,
            false);
          y = drawZones(svg, s.zones, y);
          svg.setAttribute("viewBox", "0 0 " + (16 + 4 * width + 3 * gap) + " " + y);
          $("drawing").replaceChildren(svg);
        }
        function flows(lists, column) {
          return lists[column - 1][1].some((m) => { const u = unitOf(m.name); return u && u.state === "online"; });
        }
        function wire(svg, from, to, y, kind) { svg.append(make("path", { class: "wire " + kind, d: "M" + (from + 3)
          + " " + y + "H" + (to - 3) })); }
        function drawRow(svg, key, machines, y, isCooling) {
          if (!machines.length) return y;
          svg.append(make("text", { class: "row", x: 8, y: y + 6 }, t(key)));
          machines.forEach((machine, i) => {
            const x = 8 + (i % 4) * 251, top = y + 16 + Math.floor(i / 4) * 72;
            if (isCooling && i % 4) { const u = unitOf(machine.name); wire(svg, x - 46, x, top + 30, u
              && u.state === "online" ? "cool" : "idle"); }
            drawMachine(svg, machine, x, top, 205);
          });
          return y + 16 + Math.ceil(machines.length / 4) * 72 + 14;
        }
        function drawCard(svg, card, x, y, width) {
          const kind = card.health === "ok" ? "" : card.health === "failed" || card.health === "absent" ? "bad"
            : "warn";
          const own = [...state.points.values()].filter((p) => p.name.startsWith(card.name + "."));
          const pick = (pattern) => own.find((p) => pattern.test(p.name) && p.value !== null);
          const values = [pick(/temperature/), pick(/power/)].filter(Boolean).map(shown).join("  ");
          const finding = card.findings[0];
          box(svg, x, y, width, card.name + (card.slot ? " · " + card.slot : ""), [values || t(card.health),
            finding ? finding.text : card.vendor + " " + card.model], kind,
              card.findings.map((f) => f.text).join("\n"));
        }
        function drawLane(svg, lane, x, y, width) {
          box(svg, x, y, width, t("lanes") + " · " + lane.model, [t(lane.state), number(lane.inferences)
            + (lane.reason ? "  " + lane.reason : "")],
            lane.state === "ready" ? "" : "warn", lane.reason);
        }
        function drawZones(svg, zones, y) {
          if (!zones.length) return y;
          svg.append(make("text", { class: "row", x: 8, y: y + 6 }, t("doors")));
          zones.forEach((zone, i) => {
            const kind = zone.bypassed ? "idle" : zone.state === "normal" ? "" : "bad";
            box(svg, 8 + (i % 4) * 251, y + 16 + Math.floor(i / 4) * 72, 205, zone.title || zone.name,
              [t(zone.bypassed ? "bypassed" : zone.state), zone.reason || zone.kind], kind, zone.name);
          });
          return y + 16 + Math.ceil(zones.length / 4) * 72;
        }

        // ---- alarms
        function drawAlarms() {
          const list = $("alarms");
          if (!state.alarms) return;
          if (!state.alarms.length) { list.replaceChildren(make("li", { class: "cleared" }, t("no-alarms"))); return;
            }
          list.replaceChildren(...state.alarms.map((alarm) => {
            const item = make("li", { class: (alarm.active ? alarm.severity : "cleared") + (alarm.consequence_of
              ? " below" : "") });
            if (!alarm.acknowledged) item.append(make("button", { onclick: () => acknowledge(alarm.id) }, t("ack")));
            item.append(make("div", {}, alarm.text), make("div", { class: "meta" }, t(alarm.severity) + " · "
              + alarm.subject + " · " + moment(alarm.raised)
              + (alarm.active ? "" : " · " + t("cleared")) + (alarm.acknowledged_by ? " · " + t("acked") + " "
                + alarm.acknowledged_by : "")));
            return item;
          }));
        }
        async function acknowledge(id) {
          const answer = await fetch("/v1/actions/acknowledge", { method: "POST", headers: {
            "Content-Type": "application/json" },
            body: JSON.stringify({ alarm: id }) }).catch(() => null);
          if (answer && answer.ok) return loadAlarms();
          say(answer && answer.status === 403 ? t("readonly") : t("failed") + (answer ? ": "
            + (await answer.json()).error : ""));
        }
        function say(text) { $("message").textContent = text; $("message").hidden = false;
          setTimeout(() => $("message").hidden = true, 5000); }
        async function loadAlarms() {
          const answer = await fetch("/v1/alarms").catch(() => null);
          if (!answer || !answer.ok) return;
          state.alarms = (await answer.json()).alarms;
          drawAlarms();
          drawMimic();
        }

        // ---- events
        function addEvents(events) {
          for (const event of events) if (event.sequence > state.seen) { state.events.unshift(event);
            state.seen = event.sequence; }
          state.events.length = Math.min(state.events.length, 100);
          $("events").replaceChildren(...state.events.map((event) => make("li", { class: event.severity },
            make("b", {}, t(event.severity)), " " + event.text, make("div", { class: "meta" },
              moment(event.time) + " · " + event.subject + (event.actor ? " · " + event.actor : "")))));
        }

        // ---- trends
        const telltale = [/^site\.it-power$/, /^site\.total-power$/, /^site\.pue$/, /battery\.charge$/,
          /supply.*temperature$/,
          /^climate.*temperature$/, /(^|\.)power$/, /temperature$/];
        async function loadTrends() {
          const answer = await fetch("/v1/trends").catch(() => null);
          if (answer && answer.ok) { state.trends = await answer.json(); drawTrends(); }
        }
        function drawTrends() {
          if (!state.trends) return;
          const chosen = [];
          for (const pattern of telltale) for (const series of state.trends.points) {
            if (chosen.length < 8 && pattern.test(series.name) && !chosen.includes(series)
              && series.values.some((v) => v !== null)) chosen.push(series);
          }
          $("trends").replaceChildren(...chosen.map((series) => {
            const good = series.values.filter((v) => v !== null), low = Math.min(...good), high = Math.max(...good);
            const span = high - low || 1, svg = make("svg", { viewBox: "0 0 120 40", preserveAspectRatio: "none" });
            let run = [];
            const flush = () => { if (run.length) svg.append(make("polyline", { class: "curve",
              points: run.join(" ") })); run = []; };
            series.values.forEach((v, i) => { if (v === null) flush(); else run.push(i + ","
              + (36 - (v - low) / span * 32).toFixed(1)); });
            flush();
            return make("figure", {}, make("figcaption", {}, make("span", { title: series.name }, series.name),
              make("b", {}, shown(state.points.get(series.name)))), svg);
          }));
        }

        // ---- all values
        function drawPoints() {
          const wanted = $("filter").value.trim();
          const pattern = new RegExp("^" + wanted.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*")
            + (wanted.includes("*") ? "$" : ""));
          const rows = [...state.points.values()].filter((p) => pattern.test(p.name)).slice(0, 300);
          const now = state.status ? state.status.time : Date.now();
          $("points").replaceChildren(...rows.map((p) => make("tr", {}, make("td", {}, p.name), make("td", {
            class: "value" }, shown(p)),
            make("td", { class: p.quality === "good" ? "q-good" : p.quality === "stale" ? "q-stale" : "q-other" },
              t(p.quality === "failed" ? "broken" : p.quality) + (p.reason ? ": " + p.reason : "")),
            make("td", {}, p.time === null ? "–" : Math.max(0, Math.round((now - p.time) / 1000)) + " s"))));
        }

        // ---- everything together
        let due = false;
        function soon() {
          if (due) return;
          due = true;
          requestAnimationFrame(() => { due = false; drawHead(); drawMimic(); drawPoints(); });
        }
        function translate() {
          document.documentElement.lang = language;
          for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
          $("filter").placeholder = t("filter");
          drawHead(); drawMimic(); drawAlarms(); addEvents([]); drawTrends(); drawPoints();
        }
        function theme(next) {
          const dark = matchMedia("(prefers-color-scheme: dark)").matches;
          const chosen = next || localStorage.getItem("theme") || (dark ? "dark" : "light");
          document.documentElement.dataset.theme = chosen;
          return chosen;
        }
        function watch() {
          const source = new EventSource("/v1/live");
          source.addEventListener("open", () => pill("link", t("live"), ""));
          source.addEventListener("error", () => pill("link", t("lost"), "bad"));
          source.addEventListener("status", (e) => {
            const fresh = JSON.parse(e.data), before = state.status;
            state.status = fresh;
            if (!before || JSON.stringify(before.alarms) !== JSON.stringify(fresh.alarms)) loadAlarms();
            soon();
          });
          source.addEventListener("points", (e) => {
            for (const p of JSON.parse(e.data).points) state.points.set(p.name, p); soon(); });
          source.addEventListener("event", (e) => { addEvents([JSON.parse(e.data)]); loadAlarms(); });
        }
        async function begin() {
          theme();
          $("theme").addEventListener("click", () => localStorage.setItem("theme", theme(theme() === "dark"
            ? "light" : "dark")));
          $("language").addEventListener("click", () => { language = language === "en" ? "ko" : "en";
            localStorage.setItem("language", language); translate(); });
          $("filter").addEventListener("input", drawPoints);
          translate();
          const layout = await fetch("/v1/layout").catch(() => null);
          if (layout && layout.ok) state.machines = (await layout.json()).machines;
          const events = await fetch("/v1/events?limit=50").catch(() => null);
          if (events && events.ok) addEvents((await events.json()).events);
          loadTrends();
          setInterval(loadTrends, 30000);
          watch();
        }
        begin();
        """#
}
