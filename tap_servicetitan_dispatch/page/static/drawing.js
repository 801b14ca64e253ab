"use strict";
// Draws charts as SVG and as tables, with the colours and patterns of the style sheet. Positions
// are shares of the width, so that the size of the window, dark mode and print need no drawing
// anew. Text goes in as text, never as HTML.
const drawing = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  // What a bar or a mark says, made when somebody asks
  const held = new WeakMap();
  const tip = document.getElementById("tip");

  function svg(tag, attributes, ...children) {
    const made = document.createElementNS(SVG, tag);
    for (const name in attributes) made.setAttribute(name, attributes[name]);
    made.append(...children);
    return made;
  }

  function html(tag, className, ...children) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  const percent = (value) => `${value.toFixed(3)}%`;
  const symbol = (kind, x, y) => svg("use", { href: `#mark-${kind}`, x, y });
  const box = (look, more) => svg("rect", { class: look, ...more });

  // Where an axis from 0 has its ticks: at most six, at whole numbers, the last of them at or
  // above the greatest value
  function ticks(most) {
    const power = 10 ** Math.max(0, Math.floor(Math.log10(most / 5)));
    const step = power * [1, 2, 5, 10].find((each) => each * power * 5 >= most);
    return Array.from({ length: Math.max(1, Math.ceil(most / step)) + 1 }, (_, place) => place * step);
  }

  // Fills a list with what colours and marks stand for: [look, text], or ["#" and the mark, text]
  function legend(list, entries) {
    const swatch = (look) =>
      look.startsWith("#") ? symbol(look.slice(1), 8, 8) : box(look, { x: 1, y: 1, width: 14, height: 14 });
    list.replaceChildren(
      ...entries.map(([look, text]) => html("li", "", svg("svg", { width: 16, height: 16, "aria-hidden": true }, swatch(look)), text)),
    );
  }

  // Rows with a name, notes below it, and a track of bars and marks --------------------------------

  // Fills a place with { label, title, scale: [first, last], ticks: [[at, text], ...], height,
  // line: { at, text } or none, begin: what to scroll to, rows: [{ name, notes, shapes }, ...] }.
  // A shape is a bar { look, from, to, top, height, says } or a mark { mark, from, top, says };
  // `says` returns the lines of what it tells.
  function rows(place, chart) {
    const [first, last] = chart.scale;
    const share = (value) => (100 * (value - first)) / (last - first);
    function shape(each) {
      const from = Math.max(first, each.from);
      const made = each.mark
        ? symbol(each.mark, percent(share(from)), each.top)
        : box(each.look, {
            x: percent(share(from)),
            width: percent(share(Math.min(last, each.to)) - share(from)),
            y: each.top,
            height: each.height,
            "data-to": each.to,
          });
      made.dataset.kind = each.mark ?? each.look;
      made.dataset.from = each.from;
      held.set(made, each.says);
      return made;
    }

    const text = (value, y, content) => svg("text", { x: percent(share(value)), y }, content);
    const beside = (tag, track) => html(tag, "", html("tr", "", html("td"), track));

    // The lines of the grid as a single path, as each of its own in each row takes longer than all else
    const lines = chart.ticks.map(([at]) => `M${share(at).toFixed(3)},0V1`).join("");
    const grid = () =>
      svg("svg", { viewBox: "0 0 100 1", preserveAspectRatio: "none", class: "scale" }, svg("path", { class: "grid", d: lines }));

    function row({ name, notes, shapes }) {
      const shown = shapes.filter((each) => each.from <= last && (each.to ?? each.from) >= first);
      const drawn = svg("svg", { height: Math.max(chart.height, 16 + 13 * notes.length) }, grid(), ...shown.map(shape));
      if (chart.line) {
        const x = percent(share(chart.line.at));
        drawn.append(svg("line", { class: "until", x1: x, x2: x, y2: "100%" }));
      }
      const head = html("th", "", html("div", "name", name), ...notes.map((each) => html("div", "note", each)));
      head.scope = "row";
      return html("tr", "", head, html("td", "track", drawn));
    }

    const scale = svg("svg", { class: "scale", height: 17 }, ...chart.ticks.map(([at, shown]) => text(at, 12, shown)));
    const head = beside("thead", html("td", "", html("div", "unit", chart.title), scale));
    const table = html("table", "tracks", head, html("tbody", "", ...chart.rows.map(row)));
    table.setAttribute("aria-label", chart.label);
    if (chart.line) {
      const below = svg("svg", { class: "scale", height: 18 }, text(chart.line.at, 14, chart.line.text));
      table.append(beside("tfoot", html("td", "", below)));
    }
    if (place.contains(document.activeElement) || place.matches(":hover")) hide();
    place.replaceChildren(table);
    if (chart.begin && matchMedia("(max-width: 66rem)").matches)
      place.scrollLeft = (share(chart.begin) / 100) * scale.getBoundingClientRect().width;
    const entry = reached(table).find((each) => each.length);
    if (entry) offer(entry[0]);
  }

  // Columns, one upon the other -------------------------------------------------------------------

  // Fills a place with { label, title, labels: [[line, ...], ...], series: [{ look, values }, ...],
  // most: the end of the axis, unloaded: columns without a load, says, saysUnloaded }; `says`
  // returns what a column of a series tells, `saysUnloaded` what one without a load does.
  function columns(place, chart) {
    const sums = chart.labels.map((_, column) => chart.series.reduce((sum, each) => sum + (each.values[column] ?? 0), 0));
    const marks = ticks(chart.most ?? Math.max(...sums));
    const top = marks.at(-1);
    const up = (value) => percent(100 - (100 * value) / top);
    const width = 100 / chart.labels.length;
    const middle = (column) => percent(width * (column + 0.5));

    const drawn = chart.labels.flatMap((_, column) => {
      let sum = 0;
      return chart.series.flatMap((each, series) => {
        const value = each.values[column];
        if (!value) return [];
        sum += value;
        const made = box(each.look, {
          x: percent(width * (column + 0.125)),
          width: percent(width * 0.75),
          y: up(sum),
          height: percent((100 * value) / top),
          "data-series": series,
          "data-column": column,
          "data-value": value,
        });
        held.set(made, () => chart.says(series, column));
        return [made];
      });
    });
    const holes = chart.unloaded.map((column) => {
      const made = box("hole", { x: percent(width * column), width: percent(width), y: 0, height: "100%" });
      held.set(made, () => chart.saysUnloaded(column));
      return made;
    });
    const lines = marks.map((each) => svg("line", { class: "grid", x2: "100%", y1: up(each), y2: up(each) }));
    const scale = svg("svg", { class: "scale", width: 40, height: 220 }, ...marks.map((each) => svg("text", { class: "end", x: 34, y: up(each), dy: 4 }, `${each}`)));
    const deepest = Math.max(...chart.labels.map((each) => each.length));
    const below = svg(
      "svg",
      { class: "scale", height: 8 + 14 * deepest },
      ...chart.labels.map((label, column) =>
        svg("text", {}, ...label.map((line, each) => svg("tspan", { x: middle(column), y: 16 + 14 * each }, line))),
      ),
    );
    const picture = html("div", chart.labels.length > 14 ? "columns many" : "columns", scale, svg("svg", { class: "scale", height: 220 }, ...lines, ...holes, ...drawn), html("div"), below);
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", chart.label);
    picture.style.minWidth = `${chart.labels.length * (chart.labels.length > 14 ? 2.1 : 5)}rem`;
    place.replaceChildren(html("div", "unit", chart.title), picture);
    place.scrollLeft = place.scrollWidth; // to the latest
  }

  // Cells with a text, the darker the more ---------------------------------------------------------

  // Fills a place with { label, columns, rows: [{ name, cells: [{ text, share }, ...] }, ...] }; the
  // share is between 0 and 1, none where there is no value, and below 0 where nothing is left.
  function cells(place, chart) {
    const head = (scope, ...lines) => Object.assign(html("th", "", ...lines.map((each) => html("div", "", each))), { scope });
    const cell = ({ text, share }) => {
      const made = html("td", share < 0 ? "zero" : share === null ? "" : "shade", ...text.map((each) => html("div", "", each)));
      if (share > 0) made.style.setProperty("--share", percent(100 * share));
      return made;
    };
    const top = html("tr", "", html("td"), ...chart.columns.map((each) => head("col", ...each)));
    const body = chart.rows.map((row) => html("tr", "", head("row", row.name), ...row.cells.map(cell)));
    const table = html("table", "cells", html("thead", "", top), html("tbody", "", ...body));
    table.setAttribute("aria-label", chart.label);
    place.replaceChildren(table);
  }

  // What a shape says, by pointer and by keyboard -------------------------------------------------

  function tell(shape, x, y) {
    const [title, ...lines] = held.get(shape)();
    tip.replaceChildren(html("strong", "", title), ...lines.map((each) => html("div", "", each)));
    tip.hidden = false;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${scrollX + Math.max(8, Math.min(x + 12, room))}px`;
    const below = y + 16 + tip.offsetHeight < innerHeight;
    tip.style.top = `${scrollY + (below ? y + 16 : y - 16 - tip.offsetHeight)}px`;
  }

  function hide() {
    tip.hidden = true;
    document.querySelector("rect.ring")?.remove();
  }

  function point({ target, clientX, clientY }) {
    if (held.has(target)) tell(target, clientX, clientY);
    else if (!held.has(document.activeElement)) hide();
  }

  function focused({ target }) {
    if (!held.has(target)) return;
    const { x, y, width, height } = target.getBBox();
    target.parentNode.append(box("ring", { x: x - 2, y: y - 2, width: width + 4, height: height + 4 }));
    const { left, bottom } = target.getBoundingClientRect();
    tell(target, left, bottom - 8);
  }

  // Of all shapes of a table the Tab key reaches one, which is an image with a text
  function offer(shape) {
    shape.setAttribute("tabindex", 0);
    shape.setAttribute("role", "img");
    shape.setAttribute("aria-label", held.get(shape)().join(", "));
  }

  function take(shape) {
    for (const name of ["tabindex", "role", "aria-label"]) shape.removeAttribute(name);
  }

  // The shapes of each row, by when they begin
  function reached(table) {
    const begin = (shape) => Number(shape.dataset.from);
    return [...table.tBodies[0].rows].map((row) =>
      [...row.querySelectorAll("[data-from]")].sort((one, other) => begin(one) - begin(other)),
    );
  }

  // The shape that an arrow key leads to; none at the end
  function beyond(shape, key) {
    const all = reached(shape.closest("table"));
    const row = all.findIndex((each) => each.includes(shape));
    const place = all[row].indexOf(shape);
    if (key === "ArrowLeft") return all[row][place - 1];
    if (key === "ArrowRight") return all[row][place + 1];
    const others = key === "ArrowUp" ? all.slice(0, row).reverse() : all.slice(row + 1);
    const away = (each) => Math.abs(each.dataset.from - shape.dataset.from);
    return others.find((each) => each.length)?.reduce((best, each) => (away(each) < away(best) ? each : best));
  }

  function press(event) {
    const shape = event.target;
    if (event.key === "Escape") hide();
    if (!held.has(shape) || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
    const other = beyond(shape, event.key);
    if (!other) return;
    offer(other);
    other.focus();
    take(shape);
  }

  if (tip) {
    for (const event of ["pointerover", "pointermove"]) document.addEventListener(event, point);
    document.addEventListener("focusin", focused);
    document.addEventListener("focusout", hide);
    document.body.addEventListener("keydown", press);
  }

  return { rows, columns, cells, legend, ticks };
})();
