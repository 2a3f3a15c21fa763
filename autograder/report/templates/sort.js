"use strict";
// Turns every column heading but the last (links) into a button that sorts the rows by it.
const table = document.querySelector("table");
const heads = [...table.tHead.rows[0].cells].slice(0, -1);
const rank = (row, i) => {
  const text = row.cells[i].textContent.trim();
  return heads[i].classList.contains("number") ? (text === "–" ? -1 : Number(text)) : text.toLowerCase();
};
heads.forEach((head, i) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
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
