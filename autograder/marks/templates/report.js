"use strict";
// Without this script every table stands as written, and all of it can be read.
const collator = new Intl.Collator("en", { numeric: true });
const valueOf = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
const isNumber = (text) => text !== "" && !Number.isNaN(Number(text));
const compare = (a, b) => (isNumber(a) && isNumber(b) ? Number(a) - Number(b) : collator.compare(a, b));

function sort(table, column, button) {
  const header = button.closest("th");
  const down = header.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = Array.from(table.tBodies[0].rows).map((row) => [valueOf(row, column), row]);
  rows.sort(([a], [b]) => compare(a, b) * (down ? -1 : 1));
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  Array.from(table.tHead.rows[0].cells).forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", () => sort(table, column, button));
    header.append(button);
  });
}

const search = document.getElementById("search");
const rows = Array.from(document.querySelectorAll("#students tbody tr"));
const texts = rows.map((row) => row.textContent.toLowerCase());

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  rows.forEach((row, index) => {
    row.hidden = !words.every((word) => texts[index].includes(word));
    shown += !row.hidden;
  });
  document.getElementById("shown").textContent = `${shown} of ${rows.length}`;
}

search.addEventListener("input", filter);
search.closest("p").hidden = false;
filter();
