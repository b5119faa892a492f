// Sorting of tables and enlarging of figures; nothing is loaded.
"use strict";

// A cell's number: its data-key, a duration in seconds, or the first number of its text.
function numberOf(cell) {
  if (cell.dataset.key !== undefined) return cell.dataset.key === "" ? null : Number(cell.dataset.key);
  var text = cell.textContent.replace(/[\u2009\u00a0]/g, "").replace("\u2212", "-"), seconds = null;
  [[/(\d+) ?h\b/, 3600], [/(\d+) ?min\b/, 60], [/([\d.]+) ?s\b/, 1]].forEach(function (unit) {
    var found = text.match(unit[0]);
    if (found) seconds = (seconds || 0) + Number(found[1]) * unit[1];
  });
  if (seconds !== null) return seconds;
  var plain = text.match(/-?\d+(\.\d+)?/);
  return plain ? Number(plain[0]) : null;
}

function sortRows(table, head, column) {
  var up = head.getAttribute("aria-sort") !== "ascending", numeric = head.classList.contains("number");
  table.querySelectorAll("th").forEach(function (other) { other.removeAttribute("aria-sort"); });
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  var value = function (row) {
    var cell = row.cells[column];
    return numeric ? numberOf(cell) : cell.textContent.trim();
  };
  Array.from(table.tBodies[0].rows).sort(function (first, second) {
    var a = value(first), b = value(second);
    // What has no number stays at the end, whichever way.
    if (a === null || b === null) return (a === null) - (b === null);
    var order = numeric ? a - b : a.localeCompare(b, "en", { numeric: true });
    return up ? order : -order;
  }).forEach(function (row) { table.tBodies[0].appendChild(row); });
}

document.querySelectorAll("table.sortable").forEach(function (table) {
  table.querySelectorAll("thead th").forEach(function (head, column) {
    var button = document.createElement("button");
    button.type = "button";
    while (head.firstChild) button.appendChild(head.firstChild);
    head.appendChild(button);
    button.addEventListener("click", function () { sortRows(table, head, column); });
  });
});

(function () {
  var dialog = document.createElement("dialog"), shown = new Image(), close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  dialog.append(close, shown);
  document.body.appendChild(dialog);
  // The first click fits the figure into the window, the next shows every pixel.
  shown.addEventListener("click", function () { dialog.classList.toggle("pixels"); });
  close.addEventListener("click", function () { dialog.close(); });
  dialog.addEventListener("click", function (event) { if (event.target === dialog) dialog.close(); });
  document.querySelectorAll("figure img").forEach(function (image) {
    var enlarge = function () {
      shown.src = image.src;
      shown.alt = image.alt;
      dialog.classList.remove("pixels");
      dialog.showModal();
    };
    image.tabIndex = 0;
    image.setAttribute("role", "button");
    image.addEventListener("click", enlarge);
    image.addEventListener("keydown", function (event) {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      enlarge();
    });
  });
})();

// Paper has no clicks: folded tables are printed, folded galleries are not.
(function () {
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.from(document.querySelectorAll("details:not([open])")).filter(function (part) {
      return part.querySelector("table");
    });
    opened.forEach(function (part) { part.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (part) { part.open = false; });
  });
})();
