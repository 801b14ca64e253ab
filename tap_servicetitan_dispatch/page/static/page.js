"use strict";
// Shows what the page holds as JSON. Text goes in as text, never as HTML.
(() => {
  // How old it all is by the clock of whoever opens the page, also of one without charts
  for (const place of document.querySelectorAll("[data-at]")) {
    const hours = (Date.now() / 1000 - Number(place.dataset.at)) / 3600;
    if (place.className === "old") {
      const days = Math.floor(hours / 24);
      if (hours <= 24) continue;
      place.hidden = false;
      place.textContent = `Nothing was loaded for ${days} ${days === 1 ? "day" : "days"}. What follows is as of then.`;
      continue;
    }
    const ago = hours < 1 ? `${Math.floor(hours * 60)} minutes` : hours < 48 ? `${Math.floor(hours)} hours` : `${Math.floor(hours / 24)} days`;
    if (hours >= 0) place.append(` (${ago} before this page was opened)`);
  }
  const held = document.getElementById("data");
  if (!held) return;
  const data = JSON.parse(held.textContent);
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  // Made once: toLocaleString takes longer than all that is drawn
  const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
  const number = (value) => numbers.format(value);

  function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  function fill(table, columns, rows) {
    const head = element("tr", {}, ...columns.map((each) => element("th", { scope: "col", textContent: each })));
    const body = rows.map((row) =>
      element(
        "tr",
        {},
        ...row.map((cell, place) => {
          const numeric = typeof cell === "number";
          const text = cell === null || cell === undefined ? "–" : numeric ? number(cell) : cell;
          const made = element(place ? "td" : "th", { textContent: text });
          if (!place) made.scope = "row";
          if (numeric) made.className = "number";
          return made;
        }),
      ),
    );
    table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...body));
  }

  // What is below the board is drawn one by one while nobody wants anything else
  const waiting = new Map();
  const whenIdle = window.requestIdleCallback ?? ((task) => setTimeout(task));

  function later(name, task) {
    if (!waiting.size) whenIdle(drawNext);
    waiting.set(name, task);
    root.dataset.drawn = "board";
  }

  function drawNext() {
    if (!waiting.size) return;
    const [[name, task]] = waiting;
    waiting.delete(name);
    task();
    if (waiting.size) whenIdle(drawNext);
    else root.dataset.drawn = "all";
  }

  addEventListener("beforeprint", () => {
    while (waiting.size) drawNext();
  });

  function list(place, items) {
    place.replaceChildren(...items.map((each) => element("li", { textContent: each })));
    place.parentElement.hidden = !items.length;
  }

  // The board -----------------------------------------------------------------------------------

  const STATES = { way: "On the way", site: "On site", paused: "Paused" };
  const MARKS = {
    done: "Done, the work not seen",
    edited: "Done before the first load",
    off: "Withdrawn, nobody has it",
    over: "Withdrawn, somebody has it",
    forgotten: "Forgotten under way",
    nobody: "Nobody assigned since",
  };

  let shown = data.days.length - 1;

  const clock = new Intl.DateTimeFormat("en-GB", {
    timeZone: data.zone,
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const at = (day, minute) => clock.format(new Date((day.begins + minute * 60) * 1000));
  const name = (technician) => data.names[technician] ?? `Technician ${technician}`;
  // Of what clocks show, so that it is the difference of what is read
  const between = (from, to) => Math.floor(to) - Math.floor(from);
  const lasted = (from, to) => {
    const minutes = between(from, to);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  };
  const numbered = (appointment, job) => `Appointment ${appointment ?? "unknown"}, job ${job ?? "unknown"}`;

  function boardOf(day) {
    const late = new Map(day.late.map((each) => [each.technician, each]));
    const rows = day.technicians.map((technician, row) => {
      const found = late.get(technician);
      const waits = day.scheduled[row];
      const notes = [
        found && (found.over ? "no dispatch seen" : `${found.left === null ? "no" : "first"} dispatch ${found.minutes} min after shift start`),
        waits && `${waits} waiting, any day`,
      ];
      return { name: name(technician), notes: notes.filter(Boolean), shapes: [] };
    });
    const add = (row, shape, ...lines) => {
      const of = rows[row];
      of.shapes.push({ ...shape, says: () => [of.name, ...lines.map((each) => each())] });
    };
    const time = (from, to) => `${at(day, from)} to ${at(day, to)}`;

    for (const [row, kind, from, to] of day.shifts) {
      const [look, title] = kind === "OnCall" ? ["call", "On call"] : ["shift", "Shift"];
      add(row, { look, from, to, top: 1.5, height: 27 }, () => `${title} ${time(from, to)}`);
    }
    if (day.nobody.length) rows.push({ name: "Nobody assigned", notes: [], shapes: [] });
    for (const [from, to] of day.holes)
      for (const row of rows.keys())
        add(row, { look: "hole", from, to, top: 0, height: "100%" },
          () => `No load ${time(from, to)} (${lasted(from, to)})`,
          () => "What came and went then was not seen");
    for (const [row, what, from, to] of day.away)
      add(row, { look: "away", from, to, top: 21, height: 7 }, () => `${what}, ${time(from, to)}`);
    for (const [row, appointment, job, status, lane, lanes, states] of day.visits) {
      const height = 16.5 / lanes;
      for (const [look, from, to] of states)
        add(row, { look, from, to, top: 3.5 + (17 * lane) / lanes, height },
          () => `${STATES[look]} ${time(from, to)} (${lasted(from, to)})`,
          () => `${numbered(appointment, job)}; now: ${status}`);
    }
    for (const [row, mark, minute, appointment, job, text] of day.marks)
      add(row, { mark, from: minute, top: 12 }, () => `${text}, ${at(day, minute)}`, () => numbered(appointment, job));
    for (const [minute, appointment, job, text] of day.nobody)
      rows.at(-1).shapes.push({ mark: "nobody", from: minute, top: 15, says: () => [text, numbered(appointment, job)] });
    if (day.nobody.length) rows.unshift(rows.pop());
    return {
      label: "Technicians by hours of the day. The numbers are in the table that follows.",
      title: `Time of day, ${data.zone}`,
      scale: day.hours,
      ticks: day.ticks.map(([minute, text]) => [minute, day.ticks.length > 14 ? text.slice(0, 2) : text]),
      line: day.seen === null ? null : { at: day.seen, text: `seen up to ${at(day, day.seen)}` },
      begin: Math.min(...day.shifts.filter((each) => each[1] !== "OnCall").map((each) => each[2]), day.hours[1]),
      height: 30,
      rows,
    };
  }

  // Of what is there on any day, so that the board stays where it is from day to day
  function boardLegend() {
    const some = (what) => data.days.some(what);
    const marked = (kind) => some((day) => day.marks.some((each) => each[1] === kind));
    return [
      ["shift", "Shift", some((day) => day.shifts.some((each) => each[1] !== "OnCall"))],
      ["call", "On call", some((day) => day.shifts.some((each) => each[1] === "OnCall"))],
      ["away", "Time off, meeting", some((day) => day.away.length)],
      ...Object.entries(STATES).map(([state, title]) => [
        state, title, some((day) => day.visits.some((visit) => visit[6].some((each) => each[0] === state))),
      ]),
      ...Object.entries(MARKS).map(([kind, title]) => [
        `#${kind}`, title, kind === "nobody" ? some((day) => day.nobody.length) : marked(kind),
      ]),
      ["hole", "No load in these hours", some((day) => day.holes.length)],
    ].filter((each) => each[2]);
  }

  function boardRows(day) {
    const found = day.visits.map(([row, appointment, job, status, , , states]) => {
      const of = (state) => states.filter((each) => each[0] === state);
      const sum = (state) => of(state).reduce((all, each) => all + between(each[1], each[2]), 0);
      return [
        states[0][1],
        [
          name(day.technicians[row]), appointment, job, at(day, states[0][1]), sum("way"), sum("site"), sum("paused"),
          at(day, states.at(-1)[2]), status,
        ].map((each) => (each === appointment || each === job ? String(each ?? "–") : each)),
      ];
    });
    for (const [row, , minute, appointment, job, text] of day.marks)
      found.push([
        minute,
        [name(day.technicians[row]), String(appointment ?? "–"), String(job ?? "–"), at(day, minute), null, null, null, null, text],
      ]);
    for (const [minute, appointment, job, text] of day.nobody)
      found.push([minute, ["Nobody", String(appointment ?? "–"), String(job ?? "–"), at(day, minute), null, null, null, null, text]]);
    return found.sort((one, other) => one[1][0].localeCompare(other[1][0]) || one[0] - other[0]).map((each) => each[1]);
  }

  const BOARD_COLUMNS = [
    "Technician", "Appointment", "Job", "From", "On the way (min)", "On site (min)", "Paused (min)", "Until", "Status now, or what was seen",
  ];

  // Where the hours went ------------------------------------------------------------------------

  function sharesOf(day) {
    const rows = day.hours_of.filter((each) => each.hours.some((hours) => hours > 0));
    return {
      label: "Shares of each technician's hours. The numbers are in the table that follows.",
      title: "Share of the hours of the shift and of overtime",
      scale: [0, 100],
      ticks: [0, 20, 40, 60, 80, 100].map((each) => [each, `${each}%`]),
      height: 26,
      rows: rows.map((each) => {
        const whole = each.hours.reduce((all, hours) => all + hours, 0);
        let to = 0;
        const shapes = each.hours.map((hours, part) => {
          const from = to;
          to += (100 * hours) / whole;
          const [look, title] = data.parts[part];
          const says = () => [
            name(each.technician),
            `${title}: ${number(hours)} h of ${number(whole)} h (${Math.round((100 * hours) / whole)}%)`,
          ];
          return { look, from, to, top: 3, height: 20, says };
        });
        const notes = [
          each.overtime > 0 ? `${number(each.overtime)} h overtime` : "",
          each.seen !== null ? `${Math.round(each.seen * 100)}% of visits seen from dispatch` : each.visits ? "" : "no visit seen",
        ];
        return {
          name: name(each.technician),
          notes: notes.filter(Boolean),
          shapes: shapes.filter((shape) => shape.to > shape.from),
        };
      }),
    };
  }

  const sharesColumns = () => [
    "Technician", "Visits", ...data.parts.map((each) => `${each[1]} (h)`), "Of these, overtime (h)", "Seen from dispatch on (%)",
    "Arrival seen as well (%)", "Greatest gap between loads (min)",
  ];

  const sharesRows = (day) =>
    day.hours_of.map((each) => [
      name(each.technician), each.visits, ...each.hours, each.overtime, each.seen === null ? null : 100 * each.seen,
      each.arrival_seen === null ? null : 100 * each.arrival_seen, each.gap,
    ]);

  // The day that is shown -----------------------------------------------------------------------

  // In place of an empty chart, what is missing
  function drawOrSay(id, track) {
    const something = track.rows.length > 0;
    byId(`plot-${id}`).hidden = !something;
    byId(`legend-${id}`).hidden = !something;
    byId(`no-${id}`).hidden = something;
    if (something) drawing.rows(byId(`plot-${id}`), track);
  }

  const nobody = byId("no-board")?.textContent;

  function showDay() {
    const day = data.days[shown];
    byId("no-board").textContent = day.is_unloaded ? "Nothing was loaded on this day." : nobody;
    drawOrSay("board", boardOf(day));
    byId("day-title").textContent = day.title;
    byId("board-sentence").textContent = day.sentence;
    byId("day-seen").textContent = day.how_seen;
    const slider = byId("day");
    slider.value = shown;
    slider.setAttribute("aria-valuetext", day.title);
    byId("before").disabled = shown === 0;
    byId("after").disabled = shown === data.days.length - 1;
    later("shares", () => drawOrSay("shares", sharesOf(day)));
    later("numbers of the board", () => fill(byId("table-board"), BOARD_COLUMNS, boardRows(day)));
    later("numbers of the shares", () => fill(byId("table-shares"), sharesColumns(), sharesRows(day)));
    list(
      byId("late"),
      day.late.map((each) => {
        const begun = `${name(each.technician)}: shift from ${at(day, each.shift)}`;
        const away = each.away ? `, ${each.away} of them away` : "";
        if (each.over) return `${begun}, no dispatch seen on that day`;
        return each.left === null
          ? `${begun}, not dispatched ${each.minutes} minutes later${away}`
          : `${begun}, first dispatch at ${at(day, each.left)}, ${each.minutes} minutes later${away}`;
      }),
    );
    list(
      byId("forgotten"),
      day.marks
        .filter((each) => each[1] === "forgotten")
        .map(([row, , minute, appointment, , text]) =>
          `${name(day.technicians[row])}, appointment ${appointment}: at ${at(day, minute)} ${text}`),
    );
    list(
      byId("absent"),
      day.absent.map(([row, appointment, what, from, to]) =>
        `${name(day.technicians[row])}, appointment ${appointment}: ${at(day, from)} to ${at(day, to)}, during ${what}`),
    );
    list(
      byId("nobody"),
      day.nobody.map(([, appointment, , text]) => `Appointment ${appointment}: ${text}`),
    );
    const edited = byId("edited");
    edited.hidden = !day.only_edited;
    edited.textContent = `Not on the board: ${day.only_edited} more without a shift, of whose visits only a late edit is known.`;
  }

  function go(to) {
    const day = Math.min(Math.max(to, 0), data.days.length - 1);
    if (day === shown) return;
    shown = day;
    showDay();
  }

  if (data.days.length) {
    drawing.legend(byId("legend-board"), boardLegend());
    const parts = data.parts.filter((_, part) => data.days.some((day) => day.hours_of.some((each) => each.hours[part] > 0)));
    drawing.legend(byId("legend-shares"), parts);
    showDay();
    // What stays at the top is as high as its lines are
    const bar = byId("before").parentElement;
    new ResizeObserver(() => root.style.setProperty("--bar", `${bar.offsetHeight}px`)).observe(bar);
    byId("before").addEventListener("click", () => go(shown - 1));
    byId("after").addEventListener("click", () => go(shown + 1));
    byId("day").addEventListener("input", (event) => go(Number(event.target.value)));
    document.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, .scroll, .wide")) return;
      if (event.key === "ArrowLeft") go(shown - 1);
      if (event.key === "ArrowRight") go(shown + 1);
    });
  }

  // Charts of all days --------------------------------------------------------------------------

  // A label as lines below a column; thirty stand side by side if each takes more of them
  function broken(label, many) {
    const lines = label.replace(" ", ", ").split(", ");
    return many ? lines.flatMap((each) => each.split(/(?<=^\d+|until) (?!h$)/)) : lines;
  }

  // A value with its unit, and of what stands one upon the other the sum as well
  function measured(chart, series, label) {
    const values = chart.series.map((each) => each.values[label]);
    const value = number(values[series]);
    if (chart.unit === "%") return `${value}%`;
    if (chart.series.length === 1) return `${value} ${chart.unit}`;
    const sum = values.reduce((all, each) => all + each, 0);
    return `${value} of ${number(sum)} ${chart.unit}${sum === 1 ? "" : "s"}`;
  }

  function drawColumns(place, chart) {
    drawing.columns(place, {
      label: `${chart.title}. The numbers are in the table that follows.`,
      title: chart.axis,
      labels: chart.labels.map((each) => broken(each, chart.labels.length > 14)),
      series: chart.series,
      most: chart.axis.endsWith("(%)") ? 100 : null,
      unloaded: chart.unloaded,
      says: (series, column) => [chart.labels[column], `${chart.series[series].name}: ${measured(chart, series, column)}`],
      saysUnloaded: (column) => [chart.labels[column], "No load on this day", "What came and went then was not seen"],
    });
  }

  function drawBars(place, chart) {
    const sums = chart.labels.map((_, row) => chart.series.reduce((sum, each) => sum + each.values[row], 0));
    const ticks = drawing.ticks(Math.max(...sums));
    drawing.rows(place, {
      label: `${chart.title}. The numbers are in the table that follows.`,
      title: chart.axis,
      scale: [0, ticks.at(-1)],
      ticks: ticks.map((each) => [each, `${each}`]),
      height: 26,
      rows: chart.labels.map((label, row) => {
        let to = 0;
        const shapes = chart.series.map(({ name, look, values }, series) => {
          const from = to;
          to += values[row];
          return { look, from, to, top: 3, height: 20, says: () => [label, `${name}: ${measured(chart, series, row)}`] };
        });
        return { name: label, notes: [], shapes: shapes.filter((each) => each.to > each.from) };
      }),
    });
  }

  function drawCells(place, chart) {
    const counts = chart.id === "cover";
    const most = counts ? Math.max(1, ...chart.series.flatMap((each) => each.values)) : 100;
    const share = (value) => (value === null ? null : counts && !value ? -1 : value / most);
    drawing.cells(place, {
      label: chart.title,
      columns: chart.labels.map((each) => broken(each)),
      rows: chart.series.map(({ name, values }, row) => ({
        name,
        cells: values.map((value, column) => ({
          text: chart.texts[row][column].split(/(?<= left) /),
          share: share(value),
        })),
      })),
    });
  }

  const DRAWN = { columns: drawColumns, bars: drawBars, cells: drawCells };
  for (const chart of data.charts)
    later(chart.id, () => {
      const place = byId(`plot-${chart.id}`);
      if (place) DRAWN[chart.kind](place, chart);
      const list = byId(`legend-${chart.id}`);
      const entries = chart.series.map((each) => [each.look, each.name]);
      if (chart.unloaded.length && !entries.some(([look]) => look === "hole")) entries.push(["hole", "No load on this day"]);
      if (list) drawing.legend(list, entries);
      fill(byId(`table-${chart.id}`), chart.table.columns, chart.table.rows);
    });
})();
