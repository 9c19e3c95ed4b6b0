// Requests to the page's own server.

// The server itself waits up to 40 s for its broker.
const LONGEST_MS = 45_000;

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { ...options, signal: AbortSignal.timeout(LONGEST_MS) });
  } catch {
    throw new Error("The page’s server does not answer.");
  }
  if (answer.ok) return answer.json();
  const text = (await answer.text()).trim();
  let sentence = text;
  try { sentence = JSON.parse(text).error; } catch { /* said in plain words */ }
  throw new Error(sentence || `The page’s server answers ${answer.status}.`);
}

export const post = (path, body = {}) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export async function findItems(query, category) {
  return (await ask(`/api/items?${new URLSearchParams({ q: query, category })}`)).items;
}
