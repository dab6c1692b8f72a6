/// What moves on the page: one stream of changes, drawn where they belong. Text is set as text, never as
/// markup: a device's words cannot become a script.
enum PageScript {
    static let javascript = #"""
        const $ = (id) => document.getElementById(id);
        const state = { status: null, points: new Map(), layout: null, alarms: null, events: [], trends: null,
          seen: 0 };
        let language = localStorage.getItem("language") || (navigator.language.startsWith("ko") ? "ko" : "en");
        const t = (key) => TEXTS[language][key] || key;

        // ---- sentences that the agent has put together: English, and in Korean where its catalogue knows them
        let sentences = null, patterns = [];
        async function loadSentences() {
          if (language !== "ko" || sentences) return;
          const answer = await fetch("/v1/texts/ko").catch(() => null);
          if (!answer || !answer.ok) return;
          sentences = new Map(Object.entries(await answer.json()));
          for (const [english, korean] of sentences) {
            const pieces = english.split(/%\d/), places = [...english.matchAll(/%(\d)/g)].map((m) => +m[1]);
            // "%1 at %2" would fit anything.
            if (!places.length || pieces.join("").length < 12) continue;
            const escaped = pieces.map((p) => p.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
            patterns.push({ places, korean, size: pieces.join("").length, test: new RegExp("^" + escaped.join("(.*?)")
              + "$") });
          }
          patterns.sort((a, b) => b.size - a.size);
          translate();
        }
        function sentence(english, depth = 0) {
          if (language !== "ko" || !sentences || !english) return english;
          if (sentences.has(english)) return sentences.get(english);
          if (depth > 4) return english;
          const colon = english.indexOf(": "), head = english.slice(0, Math.max(0, colon));
          const tail = english.slice(colon + 2), joined = (rest) => (sentences.get(head) || head) + ": " + rest;
          if (colon >= 0 && sentences.has(tail)) return joined(sentences.get(tail));
          for (const { test, places, korean } of patterns) {
            const found = english.match(test);
            if (found) return korean.replace(/%(\d)/g, (_, n) => sentence(found[places.indexOf(+n) + 1], depth + 1));
          }
          return colon < 0 ? english : joined(sentence(tail, depth + 1));
        }

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
        const two = (n) => String(n).padStart(2, "0");
        function moment(ms) {
          const d = new Date(ms);
          return d.getFullYear() + "-" + two(d.getMonth() + 1) + "-" + two(d.getDate()) + " " + two(d.getHours()) + ":"
            + two(d.getMinutes()) + ":" + two(d.getSeconds());
        }
        const when = (ms) => make("time", {}, moment(ms));
        function number(value) {
          if (typeof value !== "number") return value === null || value === undefined ? "–" : String(value);
          const size = Math.abs(value);
          return value.toLocaleString("en", { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : 2 });
        }
        const marks = { C: "°C", LPM: "L/min", K: "K" };
        function shown(point) {
          if (!point || point.value === null) return "–";
          const isLarge = /^(W|VA|var|Wh)$/.test(point.unit) && Math.abs(point.value) >= 1000;
          if (isLarge) return number(point.value / 1000) + " k" + point.unit;
          return number(point.value) + (point.unit ? " " + (marks[point.unit] || point.unit) : "");
        }

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
          const more = [sentence(s.posture.reason)];
          if (s.upstream) more.push(t("upstream") + ": " + t(s.upstream.connected ? "connected" : "disconnected")
            + (s.upstream.behind ? ", " + s.upstream.behind + " " + t("behind") : ""));
          $("tls").textContent = s.tls ? t("tls") + " SHA-256 " + s.tls.sha256 : "";
          if (s.journal) more.push(t("journal") + ": " + t(s.journal.durable ? "durable" : "memory-only"));
          $("reason").textContent = more.filter(Boolean).join(" · ");
        }
        function pill(id, text, kind) { $(id).textContent = text; $(id).className = "pill " + kind; }

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
            item.append(make("div", {}, sentence(alarm.text)), make("div", { class: "meta" }, t(alarm.severity) + " · "
              + alarm.subject + " · ", when(alarm.raised), (alarm.active ? "" : " · " + t("cleared"))
              + (alarm.acknowledged_by ? " · " + t("acked") + " " + alarm.acknowledged_by : "")));
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
            make("b", {}, t(event.severity)), " " + sentence(event.text), make("div", { class: "meta" },
              when(event.time), " · " + event.subject + (event.actor ? " · " + event.actor : "")))));
        }

        // ---- trends
        const telltale = [/^site\.it-power$/, /^site\.total-power$/, /^site\.pue$/, /battery\.charge$/,
          /supply.*temperature$/,
          /^climate.*temperature$/, /(^|\.)power$/, /temperature$/];
        async function loadTrends() {
          const answer = await fetch("/v1/trends").catch(() => null);
          if (!answer || !answer.ok) return;
          state.trends = await answer.json();
          // An agent that has just started has no sample yet.
          if (!state.trends.points.length) setTimeout(loadTrends, 3000);
          drawTrends();
        }
        function drawTrends() {
          if (!state.trends) return;
          const chosen = [];
          for (const pattern of telltale) for (const series of state.trends.points) {
            if (chosen.length < 8 && pattern.test(series.name) && !aside.test(series.name) && !chosen.includes(series)
              && series.values.some((v) => v !== null)) chosen.push(series);
          }
          $("trends").replaceChildren(...chosen.map((series) => {
            const point = state.points.get(series.name), now = point && point.quality === "good" ? point.value : null;
            const values = series.values.concat([now]), good = values.filter((v) => v !== null);
            const low = Math.min(...good), high = Math.max(...good), middle = (low + high) / 2;
            // Noise is not a trend: what differs by less than a fiftieth is drawn nearly flat.
            const span = Math.max(high - low, Math.abs(middle) / 50) || 1;
            const svg = make("svg", { viewBox: "0 0 120 40", preserveAspectRatio: "none" },
              make("path", { class: "floor", d: "M0 39H120" }));
            let run = [];
            const flush = () => {
              if (run.length === 1) run.push(run[0].replace(/^[^,]*/, (x) => +x + 0.8));
              if (run.length) svg.append(make("polyline", { class: "curve", points: run.join(" ") }));
              run = [];
            };
            // An hour wide, now at the right: what was not there yet stays empty.
            values.forEach((v, i) => { if (v === null) flush(); else run.push((120 - values.length + i) + ","
              + (20 - (v - middle) / span * 32).toFixed(1)); });
            flush();
            const like = (value) => shown({ value, unit: point ? point.unit : "" });
            return make("figure", {}, make("figcaption", {}, make("span", { title: series.name }, series.name),
              make("b", {}, shown(point))), svg, make("div", { class: "meta" }, like(low) + " … " + like(high)));
          }));
        }

        // ---- all values
        function drawPoints() {
          const wanted = $("filter").value.trim();
          const pattern = new RegExp("^" + wanted.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*")
            + (wanted.includes("*") ? "$" : ""));
          const found = [...state.points.values()].filter((p) => pattern.test(p.name)), rows = found.slice(0, 80);
          const now = state.status ? state.status.time : Date.now();
          $("points").replaceChildren(...rows.map((p) => make("tr", {}, make("td", {}, p.name), make("td", {
            class: "value" }, shown(p)),
            make("td", { class: p.quality === "good" ? "q-good" : p.quality === "stale" ? "q-stale" : "q-other" },
              t(p.quality === "failed" ? "broken" : p.quality) + (p.reason ? ": " + p.reason : "") +
                (p.verified === false ? ", " + t("unverified") : "")),
            make("td", {}, p.time === null ? "–" : Math.max(0, Math.round((now - p.time) / 1000)) + " s"))));
          $("more").textContent = found.length > rows.length ? found.length - rows.length + " " + t("more") : "";
        }

        // ---- everything together
        let due = false;
        function soon() {
          if (due) return;
          due = true;
          requestAnimationFrame(() => { due = false; drawHead(); drawMimic(); drawTrends(); drawPoints(); });
        }
        function translate() {
          document.documentElement.lang = language;
          loadSentences();
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
          addEventListener("resize", soon);
          translate();
          const layout = await fetch("/v1/layout").catch(() => null);
          if (layout && layout.ok) state.layout = await layout.json();
          const events = await fetch("/v1/events?limit=50").catch(() => null);
          if (events && events.ok) addEvents((await events.json()).events);
          loadTrends();
          setInterval(loadTrends, 30000);
          watch();
        }
        begin();
        """#
}
