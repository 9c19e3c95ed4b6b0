// Requests to the page's own server.

export async function post(path, body = {}) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.ok) return;
  const text = await answer.text();
  let sentence = text.trim();
  try { sentence = JSON.parse(text).error; } catch { /* said in plain words */ }
  throw new Error(sentence);
}

export async function findItems(query, category) {
  const answer = await fetch(`/api/items?${new URLSearchParams({ q: query, category })}`);
  return (await answer.json()).items;
}
