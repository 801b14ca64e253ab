"use strict";
// Draws a table of rows, each with a name, a track of bars and marks as SVG, and notes. Positions
// are shares of the width and colours are those of the style sheet, so that the size of the window,
// dark mode and print need no drawing anew. Text goes in as text, never as HTML.
const tracks = (() => {
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
    made.className = className;
    made.append(...children);
    return made;
  }

  const symbol = (kind, x, y) => svg("use", { href: `#mark-${kind}`, x, y });
  const box = (look, more) => svg("rect", { class: look, ...more });

  // Drawing -------------------------------------------------------------------------------------

  // Fills a place. A track is { label, title, scale: [first, last], ticks: [[at, text], ...],
  // line: { at, text } or null, height, rows: [{ name, notes, shapes }, ...] }. A shape is a bar
  // { look, from, to, top, height, says } or a mark { mark, from, top, says }; `says` returns lines.
  function draw(place, track) {
    const [first, last] = track.scale;
    const share = (value) => (100 * (value - first)) / (last - first);
    const percent = (value) => `${share(value).toFixed(3)}%`;
    const grid = `${place.id}-grid`;

    function shape(each) {
      const from = Math.max(first, each.from);
      const made = each.mark
        ? symbol(each.mark, percent(from), each.top)
        : box(each.look, {
            x: percent(from),
            width: `${(share(Math.min(last, each.to)) - share(from)).toFixed(3)}%`,
            y: each.top,
            height: each.height,
            "data-to": each.to,
          });
      made.dataset.kind = each.mark ?? each.look;
      made.dataset.from = each.from;
      held.set(made, each.says);
      return made;
    }

    function row({ name, notes, shapes }) {
      const shown = shapes.filter((each) => each.from <= last && (each.to ?? each.from) >= first);
      const drawn = svg("svg", { height: track.height }, svg("use", { href: `#${grid}` }), ...shown.map(shape));
      if (track.line) drawn.append(svg("line", { class: "until", x1: percent(track.line.at), x2: percent(track.line.at), y2: "100%" }));
      const head = html("th", "name", name);
      head.scope = "row";
      return html("tr", "", head, html("td", "track", drawn), html("td", "notes", ...notes.map((each) => html("div", "", each))));
    }

    const lines = track.ticks.map(([at]) => svg("line", { class: "grid", x1: percent(at), x2: percent(at), y2: track.height }));
    const texts = track.ticks.map(([at, text]) => svg("text", { x: percent(at), y: 12 }, text));
    const scale = svg("svg", { class: "scale", height: 17 }, svg("defs", {}, svg("g", { id: grid }, ...lines)), ...texts);
    const head = html("tr", "", html("td", ""), html("td", "", html("div", "unit", track.title), scale), html("td", ""));
    const table = html("table", "tracks", html("thead", "", head), html("tbody", "", ...track.rows.map(row)));
    table.setAttribute("aria-label", track.label);
    if (track.line) {
      const text = svg("text", { x: percent(track.line.at), y: 14 }, track.line.text);
      const foot = html("td", "", svg("svg", { class: "scale", height: 18 }, text));
      table.append(html("tfoot", "", html("tr", "", html("td", ""), foot, html("td", ""))));
    }
    hide();
    place.replaceChildren(table);
    const entry = reached(table).find((each) => each.length);
    if (entry) offer(entry[0]);
  }

  // Fills a list with what colours and marks stand for: [look, text], or ["#" and the mark, text]
  function legend(list, entries) {
    const swatch = (look) =>
      look.startsWith("#") ? symbol(look.slice(1), 8, 8) : box(look, { x: 1, y: 1, width: 14, height: 14 });
    list.replaceChildren(
      ...entries.map(([look, text]) => html("li", "", svg("svg", { width: 16, height: 16, "aria-hidden": true }, swatch(look)), text)),
    );
  }

  // What a shape says, by pointer and by keyboard -----------------------------------------------

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
    const rows = reached(shape.closest("table"));
    const row = rows.findIndex((each) => each.includes(shape));
    const place = rows[row].indexOf(shape);
    if (key === "ArrowLeft") return rows[row][place - 1];
    if (key === "ArrowRight") return rows[row][place + 1];
    const others = key === "ArrowUp" ? rows.slice(0, row).reverse() : rows.slice(row + 1);
    const away = (each) => Math.abs(each.dataset.from - shape.dataset.from);
    return others.find((each) => each.length)?.reduce((best, each) => (away(each) < away(best) ? each : best));
  }

  function go(event) {
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

  function point(event) {
    if (held.has(event.target)) tell(event.target, event.clientX, event.clientY);
    else hide();
  }

  if (tip) {
    for (const event of ["pointerover", "pointermove"]) document.addEventListener(event, point);
    document.addEventListener("focusin", ({ target }) => {
      if (!held.has(target)) return;
      const { left, bottom } = target.getBoundingClientRect();
      tell(target, left, bottom - 8);
    });
    document.addEventListener("focusout", hide);
    document.body.addEventListener("keydown", go);
  }

  return { draw, legend };
})();
