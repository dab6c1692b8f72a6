/// The drawing of the container: power from left to right, cooling under it, doors and sensors beside the
/// cooling. Below 640 pixels the same runs from top to bottom.
enum PageMimic {
    static let javascript = #"""
        const LIVE_VOLTS = 20;
        /// By kind of machine: the numbers worth a glance, and the state that says the rest.
        const telling = {
          meter: [[/^(total[-.])?power$/, /voltage$/]], ups: [[/battery\.charge$/, /output\.load$|load$/],
            /^(mode|state|status)$/],
          battery: [[/battery\.charge$|charge$/, /battery\.voltage$|voltage$/]],
          genset: [[/^power$/, /fuel\.level$|fuel/], /engine\.state$|^state$/],
          ats: [[/normal.*voltage$/, /emergency.*voltage$/], /position$|source$|^state$/],
          pdu: [[/^power$/, /^current$/]], rectifier: [[/output\.power$/, /output\.voltage$/]],
          inverter: [[/^power$|power$/]], chiller: [[/leaving\.temperature$|temperature$/, /entering\.temperature$/],
            /^status$|^run$|state$/],
          crac: [[/supply\.temperature$/, /return\.temperature$/], /^state$|^status$/],
          cdu: [[/supply\.temperature$/, /flow$/], /^state$|^mode$/], sensor: [[/temperature$/, /humidity$/]],
          "rear-door": [[/supply.*temperature$|temperature$/, /flow$/]],
          "heat-exchanger": [[/supply.*temperature$|temperature$/, /flow$/]], other: [[/./, /./]] };
        const aside = /setpoint|nominal|threshold|alarm|limit|^l[23]|minimum|maximum/;

        function pointsOf(name) {
          return [...state.points.values()].filter((p) => p.name.startsWith(name + "."))
            .map((p) => ({ ...p, tail: p.name.slice(name.length + 1) }));
        }
        function figures(own, patterns) {
          const chosen = [];
          for (const pattern of patterns || []) {
            const found = own.find((p) => typeof p.value === "number" && pattern.test(p.tail) && !aside.test(p.tail)
              && !chosen.includes(p));
            if (found) chosen.push(found);
          }
          return chosen;
        }
        function unitOf(name) {
          for (const bus of state.status ? state.status.buses : [])
            for (const unit of bus.units) if (unit.name === name) return unit;
          return null;
        }
        function alarmsOf(name) {
          return (state.alarms || []).filter((a) => a.active && (a.subject === name
            || a.subject.startsWith(name + ".")));
        }
        const worst = (alarms) => alarms.some((a) => a.severity === "critical" || a.severity === "major") ? "bad"
          : alarms.some((a) => a.severity === "warning") ? "warn" : "";

        // ---- what stands where: nodes of { name, kind, big, small, tint, live, hover }
        function machineNode(machine) {
          const unit = unitOf(machine.name), own = pointsOf(machine.name), alarms = alarmsOf(machine.name);
          const [numbers, word] = telling[machine.kind] || telling.other;
          const values = figures(own, numbers);
          const told = word && own.find((p) => word.test(p.tail) && typeof p.value === "string");
          const isThere = unit && unit.state === "online";
          const onBattery = own.some((p) => /on-battery$/.test(p.tail) && p.value === "yes");
          const gone = unit ? t(unit.state === "starting" ? "unread" : unit.state) : "–";
          return { name: machine.name, kind: t("kind-" + machine.kind),
            big: isThere && values.length ? values.map(shown).join("   ") : isThere && told ? t(told.value) : gone,
            small: alarms.length ? sentence(alarms[0].text) : !isThere ? unit && unit.error || ""
              : onBattery ? t("on-battery") : told ? t(told.value) : machine.title,
            tint: unit && unit.state === "offline" ? "bad" : worst(alarms) || (isThere ? "" : "idle"),
            live: isThere && isLive(machine.kind, own) && !(told && /^(off|stop|stopped)$/.test(told.value)),
            hover: [machine.title, machine.model].concat(values.map((p) => p.name + " = " + shown(p)),
              alarms.map((a) => "! " + sentence(a.text))) };
        }
        /// Something flows out of it. A machine that tells no voltage and answers is taken to be on.
        function isLive(kind, own) {
          const output = own.filter((p) => typeof p.value === "number" && /voltage$/.test(p.tail)
            && !aside.test(p.tail.replace(/^l[23]/, "")));
          const outer = output.filter((p) => !/input|starter|battery/.test(p.tail));
          const told = kind === "battery" ? output : outer;
          return !told.length || told.some((p) => p.value > LIVE_VOLTS);
        }
        function mainsNode(meters) {
          const zone = state.status.zones.find((z) => z.kind === "mains");
          if (!zone && !meters.length) return null;
          const live = zone ? zone.state === "normal" : meters.some((m) => isLive("meter", pointsOf(m.name)));
          return { name: t("mains"), kind: "", big: t(live ? "present" : "missing"),
            small: zone ? sentence(zone.title) : "", tint: live ? "" : "bad", live,
            hover: zone ? [zone.title, t(zone.state)] : [] };
        }
        function cardNode(card) {
          const own = pointsOf(card.name), finding = card.findings[0];
          const heat = figures(own, [/temperature\.highest$|temperature/])[0];
          const power = figures(own, [/^power$/])[0];
          return { name: (card.slot ? card.slot + " · " : "") + card.name, kind: "",
            big: [heat && Math.round(heat.value) + "°", power && Math.round(power.value) + " W"].filter(Boolean)
              .join(" ") || t(card.health === "failed" ? "broken" : card.health),
            small: finding ? sentence(finding.text) : card.model,
            tint: card.health === "ok" ? "" : card.health === "failed" || card.health === "absent" ? "bad" : "warn",
            live: card.health !== "absent", hover: [card.vendor + " " + card.model, card.address]
              .concat(card.findings.map((f) => "! " + f.text + " -> " + f.action)) };
        }
        function laneNode(lane) {
          return { name: lane.model, kind: lane.accelerator || "", big: t(lane.state === "failed" ? "broken"
            : lane.state), small: lane.reason || number(lane.inferences) + " " + t("inferences"),
            tint: lane.state === "ready" ? "" : "warn", live: lane.state === "ready", hover: [lane.model,
              lane.reason] };
        }
        const signs = { door: "M3 1h10v14h-10zM10 8v1", "door!": "M3 15v-14h10v14M3 1l6 3v11l-6 0",
          leak: "M8 1C8 1 3 8 3 11a5 4.5 0 0 0 10 0C13 8 8 1 8 1z",
          smoke: "M8 1c1 4 5 5 5 9a5 5 0 0 1-10 0c0-2 1-3 2-4 0 2 1 2 2 2 0-3 0-5 1-7z",
          motion: "M8 1a2.5 2.5 0 1 1 0 5a2.5 2.5 0 1 1 0-5M3 15c0-5 2-7 5-7s5 2 5 7",
          tamper: "M8 1l6 2v5c0 4-3 6-6 7c-3-1-6-3-6-7V3z", mains: "M9 1L3 9h4l-1 6 6-8H8z",
          other: "M8 2a6 6 0 1 1 0 12a6 6 0 1 1 0-12" };
        function zoneNode(zone) {
          const open = zone.kind === "door" && zone.state === "alarm";
          return { name: zone.name, kind: "", big: sentence(zone.title) || zone.name,
            sign: signs[open ? "door!" : zone.kind] || signs.other,
            small: (zone.bypassed ? t("bypassed") : t(open ? "door-open" : zone.state))
            + (zone.reason ? ": " + zone.reason : ""),
            tint: zone.bypassed ? "idle" : zone.state === "normal" ? "" : "bad", hover: [zone.name, zone.reason] };
        }
        function plan() {
          const s = state.status, layout = state.layout;
          const of = (...kinds) => kinds.flatMap((k) => layout.machines.filter((m) => m.kind === k));
          const isIn = (list) => (m) => (list || []).includes(m.name);
          const meters = of("meter"), main = meters.filter(isIn(layout.total));
          const rack = meters.filter((m) => isIn(layout.it)(m) && !main.includes(m));
          const branch = meters.filter((m) => !main.includes(m) && !rack.includes(m));
          const nodes = (machines) => machines.map(machineNode);
          const power = [["supply", [mainsNode(main), ...nodes(of("genset", "inverter"))].filter(Boolean)],
            ["transfer", nodes([...of("ats"), ...main, ...branch])],
            ["backup", nodes(of("ups", "battery", "rectifier"))],
            ["distribution", nodes([...rack, ...of("pdu")])], ["load", s.accelerators.map(cardNode), true]];
          const cooling = [["cooling", nodes(of("chiller"))],
            ["coolant", nodes(of("cdu", "crac", "rear-door", "heat-exchanger"))],
            ["climate", nodes(of("sensor", "other"))]];
          const isFull = ([, list]) => list.length;
          return { power: power.filter(isFull), cooling: cooling.filter(isFull), zones: s.zones.map(zoneNode),
            lanes: s.inference ? s.inference.lanes.map(laneNode) : [] };
        }

        // ---- drawing
        const pen = document.createElement("canvas").getContext("2d");
        const fonts = { small: "11px", tiny: "600 10px", mid: "600 12px", big: "600 15px" };
        const smaller = { big: "mid", mid: "tiny" };
        /// As much of a text as there is room for, smaller before shorter; measured, because fonts differ between
        /// machines.
        function fitting(text, kind, room) {
          pen.font = fonts[kind] + " " + getComputedStyle(document.body).fontFamily;
          if (pen.measureText(text).width <= room) return { kind, text };
          if (smaller[kind]) return fitting(text, smaller[kind], room);
          const letters = [...text];
          while (letters.length && pen.measureText(letters.join("") + "…").width > room) letters.pop();
          return { kind, text: letters.join("").trimEnd() + "…" };
        }
        function box(group, node, x, y, w, h, tight) {
          const one = make("g", {}, make("title", {}, [node.name].concat(node.hover || []).filter(Boolean).join("\n")),
            make("rect", { class: "box", x, y, width: w, height: h, rx: 6 }),
            make("rect", { class: "stripe " + node.tint, x, y, width: 5, height: h, rx: 2 }));
          const line = (wanted, at, whole, left) => {
            const { kind, text } = fitting(whole, wanted, w - left - 5);
            one.append(make("text", { class: kind, x: x + left, y: y + at }, text));
          };
          const left = node.sign ? 34 : 12;
          if (node.sign) one.append(make("path", { class: "sign " + node.tint, d: node.sign,
            transform: "translate(" + (x + 12) + " " + (y + h / 2 - 8) + ")" }));
          if (node.sign) {
            line("mid", 17, node.big, left);
            line("small", 33, node.small, left);
          } else {
            line("small", tight ? 14 : 15, node.kind ? node.name + " · " + node.kind : node.name, left);
            line(tight ? "mid" : "big", tight ? 30 : 33, node.big, left);
            if (h > 44) line("small", h - 7, node.small, left);
          }
          group.append(one);
        }
        const wire = (group, kind, d) => group.append(make("path", { class: "wire " + kind, d }));

        /// One stage beside the other, joined by a bus bar: left to right, or top to bottom on a phone.
        function drawStages(boxes, wires, stages, top, area, isCooling) {
          const { columns, w, gap, left, tall } = area;
          const h = 56, step = 66;
          const cells = stages.map(([key, list, tight]) => {
            const small = tight && !tall, per = tall ? 2 : small ? 2 : 1;
            return { key, list, small, rows: Math.ceil(list.length / per), per, h: small ? 40 : h,
              step: small ? 48 : step };
          });
          const height = (c) => c.rows * c.step;
          const deepest = Math.max(...cells.map(height));
          let y = top;
          cells.forEach((cell, i) => {
            const x = tall ? left : left + i * (w + gap);
            boxes.append(make("text", { class: "row", x, y: y + 10 }, t(cell.key)));
            const first = y + 20 + (tall ? 0 : (deepest - height(cell)) / 2);
            const wide = cell.per === 2 ? (tall ? (area.width - 2 * left - 8) / 2 : (w - 6) / 2) : w;
            cell.spots = cell.list.map((node, n) => ({ node, x: x + (n % cell.per) * (wide + (tall ? 8 : 6)),
              y: first + Math.floor(n / cell.per) * cell.step, w: wide, h: cell.h }));
            for (const spot of cell.spots) box(boxes, spot.node, spot.x, spot.y, spot.w, spot.h, cell.small);
            cell.end = first + height(cell);
            if (tall) y = cell.end + 16;
          });
          for (let i = 1; i < cells.length; i++) join(wires, cells[i - 1], cells[i], area, isCooling);
          return tall ? y : top + 20 + deepest + 6;
        }
        function join(wires, before, after, area, isCooling) {
          const live = before.spots.some((s) => s.node.live), kind = isCooling ? "cool" : "";
          if (area.tall) {
            const x = area.width / 2, from = before.end - 10, to = after.spots[0].y;
            return wire(wires, live ? kind : "idle", "M" + x + " " + from + "V" + (to - 2));
          }
          const bar = after.spots[0].x - area.gap / 2;
          const middle = (s) => s.y + s.h / 2, edge = (s) => s.x + s.w;
          const ins = before.spots.filter((s) => s.x + s.w > bar - area.gap);
          const outs = after.spots.filter((s) => s.x < bar + area.gap);
          const all = ins.concat(outs).map(middle), low = Math.min(...all), high = Math.max(...all);
          if (high > low) wire(wires, (live ? kind : "idle") + " bar", "M" + bar + " " + low + "V" + high);
          for (const s of ins) wire(wires, s.node.live ? kind : "idle", "M" + (edge(s) + 1) + " " + middle(s)
            + "H" + bar);
          for (const s of outs) wire(wires, live ? kind : "idle", "M" + bar + " " + middle(s) + "H" + (s.x - 2));
          if (!isCooling) return;
          // What was warmed comes back under what goes out.
          for (const s of ins) wire(wires, s.node.live ? "warm" : "idle", "M" + bar + " " + (middle(s) + 8) + "H"
            + (edge(s) + 1));
          for (const s of outs) wire(wires, live ? "warm" : "idle", "M" + (s.x - 2) + " " + (middle(s) + 8) + "H"
            + bar);
        }
        function drawGrid(boxes, key, nodes, x, y, w, per, gap, h) {
          if (!nodes.length) return y;
          boxes.append(make("text", { class: "row", x, y: y + 10 }, t(key)));
          nodes.forEach((node, i) => box(boxes, node, x + (i % per) * (w + gap), y + 20 + Math.floor(i / per) * (h + 8),
            w, h, true));
          return y + 20 + Math.ceil(nodes.length / per) * (h + 8) + 8;
        }
        function drawMimic() {
          if (!state.status || !state.layout) return;
          const room = $("drawing").clientWidth || 900, tall = room < 640;
          const p = plan(), boxes = make("g", {}), wires = make("g", {});
          const area = { tall, left: tall ? 2 : 14, gap: 34, width: tall ? 350 : 960 };
          area.w = (area.width - 2 * area.left - 4 * area.gap) / 5;
          let y = drawStages(boxes, wires, p.power, tall ? 4 : 14, area, false), end;
          if (tall) {
            y = p.cooling.length ? drawStages(boxes, wires, p.cooling, y + 6, area, true) : y;
            y = drawGrid(boxes, "doors", p.zones, 2, y + 6, 169, 2, 8, 44);
            end = drawGrid(boxes, "lanes", p.lanes, 2, y + 6, 169, 2, 8, 44);
          } else {
            y += 12;
            const cool = p.cooling.length ? drawStages(boxes, wires, p.cooling, y, area, true) : y;
            const x = area.left + 3 * (area.w + area.gap), half = 2 * area.w + area.gap;
            const zones = drawGrid(boxes, "doors", p.zones, x, y, (half - 8) / 2, 2, 8, 42);
            end = drawGrid(boxes, "lanes", p.lanes, area.left, Math.max(cool, zones) + 6, area.w, 5, area.gap, 52);
            // The container's walls: the supply stands outside.
            const wall = area.left + area.w + area.gap / 2 - 6;
            wires.prepend(make("path", { class: "wall", d: "M" + wall + " 4H" + (area.width - 4) + "V" + (end - 2)
              + "H4V" + (y - 6) + "H" + wall + "Z" }));
          }
          const old = $("drawing").firstChild, size = "0 0 " + area.width + " " + (end + 2);
          // Wires that did not change stay: their movement would begin anew.
          if (old && old.getAttribute("viewBox") === size && old.firstChild.isEqualNode(wires)) {
            old.replaceChild(boxes, old.lastChild);
          } else {
            $("drawing").replaceChildren(make("svg", { role: "img", "aria-label": t("mimic"), viewBox: size }, wires,
              boxes));
          }
        }
        """#
}
