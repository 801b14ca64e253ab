"use strict";
// Draws what the page holds as JSON. Text goes in as text, never as HTML.
(() => {
  // How old it all is by the clock of whoever opens the page, also of one without charts
  for (const place of document.querySelectorAll("[data-at]")) {
    const hours = (Date.now() / 1000 - Number(place.dataset.at)) / 3600;
    if (place.className === "old") {
      const days = Math.floor(hours / 24);
      if (hours <= 24) continue;
      place.hidden = false;
      place.textContent = `Nothing was loaded for ${days} ${days === 1 ? "day" : "days"}.`;
      continue;
    }
    const ago = hours < 1 ? `${Math.round(hours * 60)} minutes` : hours < 48 ? `${Math.round(hours)} hours` : `${Math.round(hours / 24)} days`;
    if (hours >= 0) place.append(` (${ago} before this page was opened)`);
  }
  const held = document.getElementById("data");
  if (!held) return;
  const data = JSON.parse(held.textContent);
  const root = document.documentElement;
  const NS = "plot";
  const STATES = { way: "On the way", site: "On site", paused: "Paused" };
  const PATTERNS = { way: "/", paused: "x", unseen: "-", away: "\\", idle: "." };
  const MARKS = {
    done: ["Done, the work not seen", "diamond", "done"],
    edited: ["Done before the first load", "diamond-open", "done"],
    off: ["Lost its technician<br>at this time", "x", "bad"],
    over: ["Handed over<br>at this time", "x-open", "away"],
    forgotten: ["Forgotten under way", "triangle-right", "bad"],
  };

  // Colours are those of the style sheet, so that they follow dark mode and print
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  // Plotly takes some tags in texts for formatting
  const plain = (text) =>
    String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const cut = (text, longest = 26) =>
    text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  // A date takes two lines below a column, so that thirty of them stand side by side
  const broken = (text) =>
    plain(cut(text, 40)).replace(" ", "<br>").replaceAll(", ", "<br>").replace("until ", "until<br>");
  const number = (value) =>
    value.toLocaleString("en", { maximumFractionDigits: 1, useGrouping: true });

  function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  // The margin that texts at the right side take, at so many pixels a letter
  const room = (texts, letter) => 30 + letter * Math.max(0, ...texts.map((each) => each.length));

  function marker(look) {
    const fill = colour(look);
    const shape = PATTERNS[look];
    const line = { color: colour("ink"), width: 0.6 };
    if (!shape) return { color: fill, line };
    const ground = look === "way" || look === "away" ? fill : colour("ground");
    const stroke = ground === fill ? colour("ground") : fill;
    return {
      color: fill,
      line,
      pattern: { shape, bgcolor: ground, fgcolor: stroke, size: 6, solidity: 0.25 },
    };
  }

  function layout(more) {
    const ink = colour("ink");
    const axis = {
      fixedrange: true,
      zeroline: false,
      color: ink,
      gridcolor: colour("grid"),
      automargin: true,
      tickfont: { size: 13 },
      title: { standoff: 10 },
    };
    return {
      font: { family: "system-ui, sans-serif", size: 13, color: ink },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      dragmode: false,
      hovermode: "closest",
      hoverlabel: {
        bgcolor: colour("ground"),
        bordercolor: ink,
        font: { color: ink, size: 13 },
        align: "left",
      },
      legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", traceorder: "normal" },
      margin: { l: 10, r: 20, t: 40, b: 40 },
      ...more,
      xaxis: { ...axis, ...more.xaxis },
      yaxis: { ...axis, ...more.yaxis },
    };
  }

  function plot(place, traces, look) {
    // The height is there before the library is, so that nothing moves
    place.style.height = `${look.height}px`;
    return Plotly.react(place, traces, layout(look), { displayModeBar: false, responsive: true });
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

  // Charts of all days --------------------------------------------------------------------------

  function columns(chart) {
    const lying = chart.kind === "bars";
    const places = chart.labels.map((_, place) => place);
    const names = chart.labels.map(lying ? (each) => plain(cut(each)) : broken);
    const traces = chart.series.map((each) => ({
      type: "bar",
      name: each.name,
      orientation: lying ? "h" : "v",
      [lying ? "x" : "y"]: each.values,
      [lying ? "y" : "x"]: places,
      marker: marker(each.look),
      customdata: chart.labels.map(plain),
      hovertemplate: `%{customdata}<br>${plain(each.name)}: %{${lying ? "x" : "y"}}<extra></extra>`,
    }));
    const scale = { title: { text: chart.axis }, rangemode: "tozero" };
    const values = chart.series.flatMap((each) => each.values);
    const sums = places.map((place) => chart.series.reduce((sum, each) => sum + each.values[place], 0));
    // Of more than these Plotly has no ticks between whole numbers
    if (values.every(Number.isInteger) && Math.max(...sums) <= 12) scale.dtick = 1;
    const categories = { tickvals: places, ticktext: names, showgrid: false };
    if (lying) categories.autorange = "reversed";
    return [
      traces,
      {
        barmode: "stack",
        bargap: 0.25,
        showlegend: traces.length > 1,
        height: lying ? 120 + 26 * places.length : 320,
        xaxis: lying ? scale : categories,
        yaxis: lying ? categories : scale,
      },
    ];
  }

  function cells(chart) {
    const values = chart.series.map((each) => each.values);
    const most = Math.max(1, ...values.flat().filter((each) => each !== null));
    const counts = chart.id === "cover";
    const [pale, full, zero] = ["pale", "full", "zero"].map(colour);
    const scale = counts
      ? [[0, zero], [0.5 / most, zero], [0.5 / most, pale], [1, full]]
      : [[0, pale], [1, full]];
    const trace = {
      type: "heatmap",
      x: chart.labels.map((_, place) => place),
      y: chart.series.map((_, place) => place),
      z: values,
      zmin: 0,
      zmax: counts ? most : 100,
      colorscale: scale,
      showscale: false,
      xgap: 2,
      ygap: 2,
      text: chart.texts.map((row) => row.map((each) => (each === "0" ? "<b>0</b>" : plain(each).replace(" left ", " left<br>")))),
      texttemplate: "%{text}",
      textfont: { color: colour("ink"), size: 13 },
      customdata: chart.series.map((each) => chart.labels.map((day) => [plain(each.name), plain(day)])),
      hovertemplate: `%{customdata[0]}, %{customdata[1]}<br>%{text}<br>${chart.axis}: %{z}<extra></extra>`,
      hoverongaps: false,
    };
    return [
      [trace],
      {
        height: 90 + (counts ? 28 : 42) * chart.series.length,
        margin: { l: 10, r: 20, t: 50, b: 10 },
        xaxis: { side: "top", tickvals: trace.x, ticktext: chart.labels.map(broken), showgrid: false },
        yaxis: {
          autorange: "reversed",
          tickvals: trace.y,
          ticktext: chart.series.map((each) => plain(cut(each.name, 48))),
          showgrid: false,
        },
      },
    ];
  }

  function drawChart(chart) {
    const place = document.getElementById(`plot-${chart.id}`);
    if (place) plot(place, ...(chart.kind === "cells" ? cells(chart) : columns(chart)));
  }

  // The board -----------------------------------------------------------------------------------

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

  function bars(name_, look, spans, more = {}) {
    return {
      type: "bar",
      orientation: "h",
      name: name_,
      base: spans.map((each) => each.from),
      x: spans.map((each) => each.to - each.from),
      y: spans.map((each) => each.row),
      width: spans.map((each) => each.height),
      customdata: spans.map((each) => each.says),
      hovertemplate: "%{customdata}<extra></extra>",
      marker: marker(look),
      ...more,
    };
  }

  function boardOf(day) {
    const above = day.nobody.length ? 1 : 0;
    const rows = day.technicians.map((each) => name(each));
    const labels = [...(above ? ["Nobody assigned"] : []), ...rows];
    const says = (row, ...lines) => [`<b>${plain(rows[row])}</b>`, ...lines.map(plain)].join("<br>");
    const traces = [];
    const add = (spans, title, look, more) => spans.length && traces.push(bars(title, look, spans, more));
    const shifts = (kind) =>
      day.shifts
        .filter((each) => (each[1] === "OnCall") === (kind === "OnCall"))
        .map(([row, , from, to]) => ({
          row: row + above, from, to, height: 0.9,
          says: says(row, `${kind === "OnCall" ? "On call" : "Shift"} ${at(day, from)} to ${at(day, to)}`),
        }));
    const flat = { line: { width: 0 } };
    add(shifts("Normal"), "Shift", "shift", { marker: { color: colour("shift"), ...flat } });
    add(shifts("OnCall"), "On call", "call", {
      marker: {
        color: colour("call"), ...flat,
        pattern: { shape: "|", bgcolor: colour("ground"), fgcolor: colour("call"), size: 8, solidity: 0.3 },
      },
    });
    add(
      day.away.map(([row, what, from, to]) => ({
        row: row + above + 0.3, from, to, height: 0.24,
        says: says(row, `${what}, ${at(day, from)} to ${at(day, to)}`),
      })),
      "Time off, meeting",
      "away",
    );
    for (const [state, title] of Object.entries(STATES)) {
      const spans = day.visits.flatMap(([row, appointment, job, status, lane, lanes, states]) =>
        states
          .filter((each) => each[0] === state)
          .map(([, from, to]) => ({
            row: row + above - 0.38 + (0.56 * (lane + 0.5)) / lanes, from, to, height: 0.54 / lanes,
            says: says(
              row,
              `${title} ${at(day, from)} to ${at(day, to)} (${lasted(from, to)})`,
              `${numbered(appointment, job)}; now: ${status}`,
            ),
          })),
      );
      add(spans, title, state);
    }
    for (const [kind, [title, symbol, look]] of Object.entries(MARKS)) {
      const marks = day.marks.filter((each) => each[1] === kind);
      if (!marks.length) continue;
      traces.push({
        type: "scatter",
        mode: "markers",
        name: title,
        x: marks.map((each) => each[2]),
        y: marks.map((each) => each[0] + above - 0.1),
        marker: { symbol, size: 10, color: colour(look), line: { color: symbol.endsWith("open") ? colour(look) : colour("ink"), width: symbol.endsWith("open") ? 2 : 0.6 } },
        customdata: marks.map(([row, , minute, appointment, job, text]) =>
          says(row, `${text}, ${at(day, minute)}`, numbered(appointment, job)),
        ),
        hovertemplate: "%{customdata}<extra></extra>",
      });
    }
    if (above)
      traces.push({
        type: "scatter",
        mode: "markers",
        name: "Nobody assigned since",
        x: day.nobody.map((each) => each[0]),
        y: day.nobody.map(() => 0),
        marker: { symbol: "square-x", size: 12, color: colour("bad"), line: { color: colour("ink"), width: 0.6 } },
        customdata: day.nobody.map(([, appointment, job, text]) =>
          [text, numbered(appointment, job)].map(plain).join("<br>"),
        ),
        hovertemplate: "%{customdata}<extra></extra>",
      });
    const late = new Map(day.late.map((each) => [each.technician, each]));
    const beside = day.technicians.flatMap((technician, row) => {
      const notes = [];
      const found = late.get(technician);
      if (found) notes.push(`${found.left === null ? "no" : "first"} dispatch ${found.minutes} min after shift start`);
      if (day.scheduled[row]) notes.push(`${day.scheduled[row]} open, any day`);
      return notes.length ? [{ row, notes }] : [];
    });
    const annotations = beside.map(({ row, notes }) => ({
      xref: "paper", x: 1, xanchor: "left", xshift: 6, y: row + above, text: notes.join("<br>"), showarrow: false, align: "left",
      font: { size: 11 },
    }));
    const shapes = [];
    if (day.seen !== null) {
      shapes.push({
        type: "line", x0: day.seen, x1: day.seen, yref: "paper", y0: 0, y1: 1,
        line: { color: colour("ink"), width: 1.5, dash: "dash" },
      });
      annotations.push({
        x: day.seen, yref: "paper", y: 0, yanchor: "top", yshift: -4, text: `seen up to ${at(day, day.seen)}`, showarrow: false,
      });
    }
    return [
      traces,
      {
        barmode: "overlay",
        height: 150 + 30 * Math.max(1, labels.length),
        margin: { l: 10, r: room(beside.flatMap((each) => each.notes), 5.5), t: 90, b: 30 },
        legend: { orientation: "h", x: 0, y: 1, yref: "container", yanchor: "top", itemwidth: 30 },
        showlegend: true,
        xaxis: {
          side: "top",
          range: day.hours,
          tickvals: day.ticks.map((each) => each[0]),
          tickangle: 0, // leaning, they would be read as an hour off
          ticktext: day.ticks.map((each) => (day.ticks.length > 14 ? each[1].slice(0, 2) : each[1])),
          title: { text: `Time of day, ${data.zone}` },
        },
        yaxis: {
          range: [labels.length - 0.45, -0.55],
          tickvals: labels.map((_, row) => row),
          ticktext: labels.map((each) => plain(cut(each))),
          showgrid: false,
        },
        annotations,
        shapes,
      },
    ];
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

  function sharesOf(day) {
    const parts = data.parts;
    const rows = day.hours_of.filter((each) => each.hours.some((hours) => hours > 0));
    const labels = rows.map((each) => name(each.technician));
    const wholes = rows.map((each) => each.hours.reduce((all, hours) => all + hours, 0));
    const traces = parts.map(([look, title], part) => ({
      type: "bar",
      orientation: "h",
      name: title,
      x: rows.map((each, row) => (100 * each.hours[part]) / wholes[row]),
      y: rows.map((_, row) => row),
      marker: marker(look),
      customdata: rows.map(
        (each, row) => `<b>${plain(labels[row])}</b><br>${title}: ${number(each.hours[part])} h of ${number(wholes[row])} h`,
      ),
      hovertemplate: "%{customdata} (%{x:.0f}%)<extra></extra>",
    }));
    const annotations = rows.map((each, row) => ({
      xref: "paper", x: 1, xanchor: "left", xshift: 6, y: row, showarrow: false, align: "left",
      text: [
        each.overtime > 0 ? `${number(each.overtime)} h overtime` : "",
        each.seen === null ? "" : `${Math.round(each.seen * 100)}% seen`,
      ].filter(Boolean).join(", "),
    }));
    return [
      traces,
      {
        barmode: "stack",
        height: 150 + 26 * Math.max(1, rows.length),
        margin: { l: 10, r: room(annotations.map((each) => each.text), 7.5), t: 40, b: 40 },
        showlegend: true,
        xaxis: { range: [0, 100], title: { text: "Share of the hours of the shift and of overtime (%)" } },
        yaxis: {
          range: [rows.length - 0.4, -0.6],
          tickvals: labels.map((_, row) => row),
          ticktext: labels.map((each) => plain(cut(each))),
          showgrid: false,
        },
        annotations,
      },
    ];
  }

  function list(place, items) {
    place.replaceChildren(...items.map((each) => element("li", { textContent: each })));
    place.parentElement.hidden = !items.length;
  }

  // What can be read of a day; the charts of it need the library, which comes later
  function tellDay() {
    const day = data.days[shown];
    document.getElementById("day-title").textContent = day.title;
    document.getElementById("board-sentence").textContent = day.sentence;
    document.getElementById("day-seen").textContent = day.how_seen;
    const slider = document.getElementById("day");
    slider.value = shown;
    slider.setAttribute("aria-valuetext", day.title);
    document.getElementById("before").disabled = shown === 0;
    document.getElementById("after").disabled = shown === data.days.length - 1;
    fill(document.getElementById("table-board"), BOARD_COLUMNS, boardRows(day));
    fill(
      document.getElementById("table-shares"),
      [
        "Technician", "Visits", ...data.parts.map((each) => `${each[1]} (h)`), "Of these, overtime (h)", "Seen from dispatch on (%)",
        "Arrival seen as well (%)", "Greatest gap between loads (min)",
      ],
      day.hours_of.map((each) => [
        name(each.technician), each.visits, ...each.hours, each.overtime, each.seen === null ? null : 100 * each.seen,
        each.arrival_seen === null ? null : 100 * each.arrival_seen, each.gap,
      ]),
    );
    list(
      document.getElementById("late"),
      day.late.map((each) => {
        const begun = `${name(each.technician)}: shift from ${at(day, each.shift)}`;
        const away = each.away ? `, ${each.away} of them away` : "";
        return each.left === null
          ? `${begun}, not dispatched ${each.minutes} minutes later${away}`
          : `${begun}, first dispatch at ${at(day, each.left)}, ${each.minutes} minutes later${away}`;
      }),
    );
    list(
      document.getElementById("forgotten"),
      day.marks
        .filter((each) => each[1] === "forgotten")
        .map(([row, , minute, appointment, , text]) =>
          `${name(day.technicians[row])}, appointment ${appointment}: at ${at(day, minute)} ${text}`),
    );
    list(
      document.getElementById("nobody"),
      day.nobody.map(([, appointment, , text]) => `Appointment ${appointment}: ${text}`),
    );
    const edited = document.getElementById("edited");
    edited.hidden = !day.only_edited;
    edited.textContent = `Not on the board: ${day.only_edited} more without a shift, of whose visits only a late edit is known.`;
  }

  // In place of an empty chart, what is missing
  function plotOrSay(id, chart, something) {
    const place = document.getElementById(`plot-${id}`);
    place.hidden = !something;
    document.getElementById(`no-${id}`).hidden = Boolean(something);
    if (something) plot(place, ...chart);
  }

  function drawBoard() {
    const day = data.days[shown];
    plotOrSay("board", boardOf(day), day.technicians.length + day.nobody.length);
  }

  function drawShares() {
    const day = data.days[shown];
    plotOrSay("shares", sharesOf(day), day.hours_of.some((each) => each.hours.some(Boolean)));
  }

  function drawDay() {
    if (!data.days.length) return;
    drawBoard();
    drawShares();
  }

  function go(to) {
    const day = Math.min(Math.max(to, 0), data.days.length - 1);
    if (day === shown) return;
    shown = day;
    tellDay();
    if (window.Plotly) drawDay();
  }

  // All of it -----------------------------------------------------------------------------------

  // One by one, so that the page answers in between; the board comes first
  function draw() {
    const rest = data.charts.map((each) => () => drawChart(each));
    if (data.days.length) rest.unshift(drawBoard, drawShares);
    const next = () => {
      const each = rest.shift();
      if (each) {
        each();
        setTimeout(next);
      } else root.dataset.drawn = "all";
    };
    next();
  }

  for (const chart of data.charts) {
    const table = document.getElementById(`table-${chart.id}`);
    if (table) fill(table, chart.table.columns, chart.table.rows);
  }
  if (data.days.length) {
    tellDay();
    document.getElementById("before").addEventListener("click", () => go(shown - 1));
    document.getElementById("after").addEventListener("click", () => go(shown + 1));
    document.getElementById("day").addEventListener("input", (event) => go(Number(event.target.value)));
    document.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, .scroll")) return;
      if (event.key === "ArrowLeft") go(shown - 1);
      if (event.key === "ArrowRight") go(shown + 1);
    });
  }
  const library = document.getElementById("library");
  if (window.Plotly) draw();
  else library.addEventListener("load", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  for (const [event, print] of [["beforeprint", "yes"], ["afterprint", "no"]])
    addEventListener(event, () => {
      root.dataset.print = print;
      drawDay();
      data.charts.forEach(drawChart); // all at once: print does not wait
    });
})();
