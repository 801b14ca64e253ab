"use strict";

const EVERY = 2000;
const LANE = 16; // pixels
const MARK = 12;
const byId = (id) => document.getElementById(id);
const parts = {
  board: byId("board").tBodies[0],
  changes: byId("changes").tBodies[0],
  hours: byId("hours"),
  pause: byId("pause"),
  tenant: byId("tenant"),
  told: byId("told"),
  trouble: byId("trouble"),
};
const hint = parts.told.textContent;
let timer = 0;
let paused = false;
let held = null; // the bar that the keyboard is at

// Whatever comes from the API is text, and nothing else is ever made of it.
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function make(name, className) {
  const element = document.createElement(name);
  if (className) element.className = className;
  return element;
}

// Have one child for each of some things, in their order, and keep those that are there already:
// whoever has the focus keeps it.
function keep(parent, things, create, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  things.forEach((thing, index) => {
    let child = known.get(thing.key);
    if (!child) {
      child = create(thing);
      child.dataset.key = thing.key;
    }
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] || null);
    update(child, thing);
  });
  while (parent.children.length > things.length) parent.lastElementChild.remove();
}

function place(element, left, width) {
  element.style.left = `${left}%`;
  if (width !== undefined) element.style.width = `${width}%`;
}

const MARKS = ["done", "withdrawn"];
const BACKGROUND = ["shift", "on-call", "away"];
const LINES = ["hour", "present"];

function makeThing(thing) {
  if (LINES.includes(thing.kind)) return make("i");
  const button = make("button");
  button.type = "button";
  button.tabIndex = -1;
  return button;
}

function drawThing(element, thing, name, height) {
  element.className = thing.kind;
  if (LINES.includes(thing.kind)) {
    place(element, thing.left);
    return;
  }
  element.setAttribute("aria-label", `${name}: ${thing.says}`);
  const top = thing.lane * LANE + 2;
  if (BACKGROUND.includes(thing.kind)) {
    place(element, thing.left, thing.width);
    element.style.top = thing.kind === "away" ? "25%" : "0";
    element.style.bottom = thing.kind === "away" ? "25%" : "0";
  } else if (MARKS.includes(thing.kind)) {
    place(element, thing.left);
    element.style.width = element.style.height = `${MARK}px`;
    element.style.marginLeft = `${-MARK / 2}px`;
    element.style.top = `${top}px`;
  } else {
    place(element, thing.left, thing.width);
    element.style.minWidth = "3px";
    const thin = thing.kind === "on-the-way" ? 3 : 0;
    element.style.top = `${top + thin}px`;
    element.style.height = `${LANE - 4 - 2 * thin}px`;
  }
}

function makeLine() {
  const line = make("tr");
  const name = make("th");
  name.scope = "row";
  line.append(name, make("td", "day"), make("td"));
  return line;
}

function drawLine(line, data, board) {
  const [name, day, state] = line.children;
  write(name, data.name);
  write(state, data.says);
  state.className = `state-${data.state}`;
  day.style.height = `${data.lanes * LANE}px`;
  const hours = board.hours.map((hour) => ({ key: `hour-${hour.at}`, kind: "hour", left: hour.at }));
  const present = { key: "present", kind: "present", left: board.now };
  const [behind, front] = [true, false].map((is) =>
    data.things.filter((thing) => ["shift", "on-call"].includes(thing.kind) === is),
  );
  keep(day, [...behind, ...hours, ...front, present], makeThing, (element, thing) =>
    drawThing(element, thing, data.name, data.lanes * LANE),
  );
}

function drawBoard(board) {
  write(byId("headline"), board.headline);
  const hours = board.hours.map((hour) => ({ key: `${hour.at}`, ...hour }));
  keep(parts.hours, hours, () => make("span"), (element, hour) => {
    write(element, hour.name);
    place(element, hour.at);
  });
  const lines = board.lines.map((line) => ({ key: `${line.id}`, ...line }));
  keep(parts.board, lines, makeLine, (element, line) => drawLine(element, line, board));
  write(
    byId("left-out"),
    board.left_out
      ? `${board.left_out} more technicians are not shown.`
      : board.lines.length
        ? ""
        : "Nobody has a shift, a visit or time away today.",
  );
  hold(held && held.isConnected ? held : parts.board.querySelector("button"));
}

function drawChanges(changes) {
  keep(
    parts.changes,
    changes,
    () => {
      const line = make("tr");
      line.append(...Array.from({ length: 5 }, () => make("td")));
      return line;
    },
    (line, change) => {
      const [made, says, where, shown, read] = line.children;
      write(made, change.made);
      write(says, change.says);
      write(where, change.where);
      write(shown, change.is_shown ? `since ${change.shows}` : `not before ${change.shows}`);
      shown.className = change.is_shown ? "yes" : "not-yet";
      const last = change.read ? `, last at ${change.read}` : "";
      write(read, change.is_read ? `at ${change.read}` : `not yet${last}`);
      read.className = change.is_read ? "yes" : "not-yet";
    },
  );
  byId("nothing").hidden = changes.length > 0;
}

function drawTenants(chosen, numbers) {
  const options = numbers.map((number) => ({ key: number }));
  keep(parts.tenant, options, () => make("option"), (option, { key }) => {
    option.value = key;
    write(option, key);
  });
  parts.tenant.value = chosen;
}

async function look() {
  clearTimeout(timer);
  const asked = new URLSearchParams(location.search).get("tenant") || "";
  try {
    const query = new URLSearchParams({ tenant: asked });
    const answer = await fetch(`/sandbox/board?${query}`, { cache: "no-store" });
    const shown = await answer.json();
    if (answer.ok) {
      write(byId("now"), shown.now);
      write(byId("zone"), shown.zone);
      drawTenants(shown.tenant, shown.tenants);
      drawBoard(shown.board);
      drawChanges(shown.changes);
      write(parts.trouble, "");
    } else {
      drawTenants("", shown.tenants);
      write(parts.trouble, `The sandbox has no tenant ${asked}. Choose one from the list.`);
    }
  } catch {
    write(parts.trouble, "The sandbox does not answer. What you see is how it was; this page tries again.");
  }
  if (!paused && !document.hidden) timer = setTimeout(look, EVERY);
}

// One bar can be reached with the Tab key, the others from there with the arrows.
function hold(bar) {
  if (held) held.tabIndex = -1;
  held = bar;
  if (held) held.tabIndex = 0;
}

const barsOf = (line) =>
  [...line.querySelectorAll("button")].sort((a, b) => a.offsetLeft - b.offsetLeft);

function next(bar, key) {
  const line = bar.closest("tr");
  const bars = barsOf(line);
  const index = bars.indexOf(bar);
  switch (key) {
    case "ArrowRight":
      return bars[index + 1];
    case "ArrowLeft":
      return bars[index - 1];
    case "Home":
      return bars[0];
    case "End":
      return bars[bars.length - 1];
    case "ArrowDown":
    case "ArrowUp": {
      const step = key === "ArrowDown" ? "nextElementSibling" : "previousElementSibling";
      let other = line[step];
      while (other && !other.querySelector("button")) other = other[step];
      if (!other) return undefined;
      const away = (each) => Math.abs(each.offsetLeft - bar.offsetLeft);
      return barsOf(other).reduce((best, each) => (away(each) < away(best) ? each : best));
    }
    default:
      return undefined;
  }
}

const tell = (event) => {
  const bar = event.target.closest("button");
  write(parts.told, bar ? bar.getAttribute("aria-label") : hint);
};

parts.board.addEventListener("keydown", (event) => {
  const bar = event.target.closest("button");
  const other = bar && next(bar, event.key);
  if (!other) return;
  event.preventDefault();
  hold(other);
  other.focus();
});
parts.board.addEventListener("focusin", (event) => {
  hold(event.target.closest("button"));
  tell(event);
});
parts.board.addEventListener("mouseover", tell);
parts.tenant.addEventListener("change", () => {
  history.replaceState(null, "", `?${new URLSearchParams({ tenant: parts.tenant.value })}`);
  look();
});
parts.pause.addEventListener("click", () => {
  paused = !paused;
  parts.pause.setAttribute("aria-pressed", String(paused));
  look();
});
document.addEventListener("visibilitychange", look);
look();
