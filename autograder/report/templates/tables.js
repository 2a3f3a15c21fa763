"use strict";
// Makes the tables of the page sortable by their headings, and the one that has a filter filterable.
// Everything works from the keyboard: headings become buttons, the filter is an ordinary form.

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const rank = (row, i) => {
    const cell = row.cells[i];
    const text = (cell.dataset.rank ?? cell.textContent).trim();
    if (!heads[i].classList.contains("number")) return text.toLowerCase();
    return text === "–" || text === "" ? -Infinity : Number(text);
  };
  heads.forEach((head, i) => {
    if (head.classList.contains("fixed")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows].map((row) => [rank(row, i), row]);
      rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  });
}

function filterable(form) {
  const rows = [...document.getElementById(form.dataset.table).tBodies[0].rows];
  const words = rows.map((row) => row.cells[0].textContent.toLowerCase());
  const count = form.querySelector("output");
  const update = () => {
    const text = form.elements.text.value.trim().toLowerCase();
    const kind = form.elements.kind.value;
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = !words[i].includes(text) || !(kind === "" || row.dataset.kinds.split(" ").includes(kind));
      shown += !row.hidden;
    });
    count.textContent = `${shown} of ${rows.length} shown`;
  };
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(update));
  form.hidden = false;
  update();
}

document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll("form.filter").forEach(filterable);
