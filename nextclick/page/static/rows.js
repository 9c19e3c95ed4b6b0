// Rows of a list that stay the elements they are: each is moved to its place, and keeps the keyboard's focus.

/** Let a list hold these rows in this order; a focused row that leaves gives its focus to whoever has its place now. */
export function placeRows(list, rows) {
  const focused = list.contains(document.activeElement) ? document.activeElement.closest("li") : null;
  const place = [...list.children].indexOf(focused);
  const stay = new Set(rows);
  for (const row of [...list.children]) if (!stay.has(row)) row.remove();
  rows.forEach((row, index) => put(list, row, list.children[index] ?? null));
  if (!focused) return;
  const heir = stay.has(focused) ? focused : rows[Math.min(place, rows.length - 1)];
  heir?.querySelector("button")?.focus({ preventScroll: true });
}

function put(list, row, next) {
  if (row === next) return;
  // Where the browser knows it: an element that is moved so does not leave the page in between.
  if (row.parentNode === list && list.moveBefore) list.moveBefore(row, next);
  else list.insertBefore(row, next);
}
