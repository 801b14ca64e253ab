"use strict";
// The charts of days and weeks, by Plotly, which is asked for when the first of them comes near.
const charts = (() => {
  const LIBRARY = "plotly.min.js";
  const PATTERNS = { way: "/", unseen: "-", away: "\\", idle: ".", paused: "x" };
  const root = document.documentElement;

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

  const counts = (chart) => chart.id === "cover";

  // Known before the library is there, so that nothing moves when it has come
  function height(chart) {
    if (chart.kind === "cells") return 90 + (counts(chart) ? 28 : 42) * chart.series.length;
    return chart.kind === "bars" ? 120 + 26 * chart.labels.length : 320;
  }

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
        xaxis: lying ? scale : categories,
        yaxis: lying ? categories : scale,
      },
    ];
  }

  function cells(chart) {
    const values = chart.series.map((each) => each.values);
    const most = Math.max(1, ...values.flat().filter((each) => each !== null));
    const [pale, full, zero] = ["pale", "full", "zero"].map(colour);
    const scale = counts(chart)
      ? [[0, zero], [0.5 / most, zero], [0.5 / most, pale], [1, full]]
      : [[0, pale], [1, full]];
    const trace = {
      type: "heatmap",
      x: chart.labels.map((_, place) => place),
      y: chart.series.map((_, place) => place),
      z: values,
      zmin: 0,
      zmax: counts(chart) ? most : 100,
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

  // Draws a chart, or draws it anew; the library has to be there
  function draw(place, chart) {
    const [traces, look] = chart.kind === "cells" ? cells(chart) : columns(chart);
    Plotly.react(place, traces, layout({ ...look, height: height(chart) }), { displayModeBar: false, responsive: true });
  }

  let asked;
  // Asks for the library, once; a script element also works from the disk
  function library() {
    asked ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.addEventListener("load", resolve);
      script.addEventListener("error", reject);
      script.src = LIBRARY;
      document.head.append(script);
    });
    return asked;
  }

  return { draw, height, library };
})();
