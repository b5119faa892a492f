// Sorting, saving and searching of tables, enlarging of figures; nothing is loaded.
"use strict";

function numberOf(cell) {
  return cell.dataset.key === undefined || cell.dataset.key === "" ? null : Number(cell.dataset.key);
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

function addButton(place, text, action) {
  var button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.addEventListener("click", action);
  place.appendChild(button);
  return button;
}

// Where the buttons of a table stand.
function placeOf(part) {
  var head = part.querySelector(".tablehead"), place = head.querySelector(".saves");
  if (place) return place;
  place = document.createElement("span");
  place.className = "saves";
  return head.appendChild(place);
}

document.querySelectorAll("table.sortable").forEach(function (table) {
  table.querySelectorAll("thead th").forEach(function (head, column) {
    var title = head.textContent;
    head.textContent = "";
    addButton(head, title, function () { sortRows(table, head, column); });
  });
});

// Every table as CSV and LaTeX, packed: [csv, tex] by the table's name.
var files = null;
function unpacked() {
  if (files === null) {
    var letters = atob(document.getElementById("downloads").textContent);
    var bytes = Uint8Array.from(letters, function (letter) { return letter.charCodeAt(0); });
    var stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    files = new Response(stream).json();
  }
  return files;
}

function save(name, text, type) {
  var link = document.createElement("a"), address = URL.createObjectURL(new Blob([text], { type: type }));
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(function () { URL.revokeObjectURL(address); }, 10000);
}

// Columns that the page has no room for.
document.querySelectorAll("table.brief").forEach(function (table) {
  var all = "All " + table.tHead.rows[0].cells.length + " columns";
  var button = addButton(placeOf(table.closest(".table")), all, function () {
    var brief = table.classList.toggle("brief");
    button.textContent = brief ? all : "Fewer columns";
    button.setAttribute("aria-expanded", String(!brief));
  });
  button.setAttribute("aria-expanded", "false");
});

if (window.DecompressionStream) {
  document.querySelectorAll(".table").forEach(function (part) {
    var name = part.id.replace("table-", ""), place = placeOf(part);
    [["CSV", "csv", "text/csv"], ["LaTeX", "tex", "text/plain"]].forEach(function (kind, position) {
      var button = addButton(place, kind[0], function () {
        unpacked().then(function (found) { save(name + "." + kind[1], found[name][position], kind[2]); });
      });
      button.title = "Save this table as " + kind[0];
    });
  });
}

// One field marks runs in all tables, or hides the others.
(function () {
  var sought = document.getElementById("sought"), alone = document.getElementById("alone");
  var matches = document.getElementById("matches");
  var names = Array.from(document.querySelectorAll("#runs option")).map(function (option) { return option.value; });
  var rows = [];
  document.querySelectorAll("tbody tr").forEach(function (row) {
    var texts = Array.from(row.cells).filter(function (cell) { return !cell.classList.contains("number"); })
      .map(function (cell) { return cell.textContent; });
    var of = names.filter(function (name) {
      return texts.some(function (text) { return text === name || text.startsWith(name + ",") || text.startsWith(name + " ("); });
    });
    if (of.length) rows.push([row, of.join("\n").toLowerCase()]);
  });
  function mark() {
    var text = sought.value.trim().toLowerCase(), found = 0;
    rows.forEach(function (pair) {
      var hit = text !== "" && pair[1].includes(text);
      found += hit;
      pair[0].classList.toggle("found", hit && !alone.checked);
    });
    rows.forEach(function (pair) {
      pair[0].classList.toggle("other", alone.checked && found > 0 && !pair[1].includes(text));
    });
    matches.textContent = text === "" ? "" : found + (found === 1 ? " row" : " rows") + " in all tables";
  }
  sought.addEventListener("input", mark);
  alone.addEventListener("change", mark);

  var unfold = document.getElementById("unfold");
  unfold.addEventListener("click", function () {
    var parts = document.querySelectorAll("main details"), open = unfold.textContent === "Unfold everything";
    parts.forEach(function (part) { part.open = open; });
    unfold.textContent = open ? "Fold everything" : "Unfold everything";
  });
  document.getElementById("tools").hidden = false;
})();

// A link into something folded opens it; the contents show where the reader is.
(function () {
  function open() {
    var target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (var part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    if (target) target.scrollIntoView();
  }
  window.addEventListener("hashchange", open);
  if (location.hash) open();

  var contents = document.getElementById("contents"), narrow = window.matchMedia("(max-width: 800px)");
  function fit() { contents.open = !narrow.matches; }
  narrow.addEventListener("change", fit);
  fit();
  contents.addEventListener("click", function (event) {
    if (narrow.matches && event.target.tagName === "A") contents.open = false;
  });

  var links = {}, seen = new Set();
  contents.querySelectorAll("a").forEach(function (link) { links[link.hash.slice(1)] = link; });
  var sections = Array.from(document.querySelectorAll("main > section"));
  var observer = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) { seen[entry.isIntersecting ? "add" : "delete"](entry.target.id); });
    var first = sections.find(function (section) { return seen.has(section.id); });
    if (!first) return;
    Object.values(links).forEach(function (link) { link.removeAttribute("aria-current"); });
    if (links[first.id]) links[first.id].setAttribute("aria-current", "true");
  }, { rootMargin: "-10% 0px -60% 0px" });
  sections.forEach(function (section) { observer.observe(section); });
})();

(function () {
  var dialog = document.createElement("dialog"), shown = new Image();
  var close = addButton(dialog, "Close", function () { dialog.close(); });
  close.setAttribute("autofocus", "");
  dialog.append(shown);
  document.body.appendChild(dialog);
  // The first click fits the figure into the window, the next shows every pixel.
  shown.addEventListener("click", function () { dialog.classList.toggle("pixels"); });
  dialog.addEventListener("click", function (event) { if (event.target === dialog) dialog.close(); });
  document.querySelectorAll("figure img").forEach(function (image) {
    var enlarge = function () {
      shown.src = image.src;
      shown.alt = image.alt;
      dialog.classList.remove("pixels");
      dialog.showModal();
    };
    var caption = image.parentElement.id && image.parentElement.querySelector("figcaption");
    if (caption) {
      var hint = document.createElement("span");
      hint.className = "hint";
      hint.textContent = "Click the figure to enlarge it. ";
      caption.insertBefore(hint, caption.querySelector(".anchor"));
    }
    image.title = "Click to enlarge";
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
