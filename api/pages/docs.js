// The description of the API as a page. Everything is written as text, never as markup, and asked of this service only.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEEPEST = 6;

function make(tag, text, ...children) {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  node.append(...children);
  return node;
}

function resolve(description, schema) {
  if (!schema || !schema.$ref) return schema || {};
  return schema.$ref.slice(2).split("/").reduce((node, step) => (node || {})[step], description) || {};
}

function nameOf(description, schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const several = schema.anyOf || schema.oneOf;
  if (several) return several.map((each) => nameOf(description, each)).join(" or ");
  if (schema.type === "array") return "list of " + (nameOf(description, schema.items) || "anything");
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" or ");
  return schema.type || "anything";
}

// An example of a schema: its own, or one made of its parts.
function example(description, schema, depth = 0) {
  const found = resolve(description, schema);
  if (depth > DEEPEST) return null;
  if (found.example !== undefined) return found.example;
  if (found.examples && found.examples.length) return found.examples[0];
  if (found.default !== undefined) return found.default;
  if (found.const !== undefined) return found.const;
  if (found.enum) return found.enum[0];
  const several = found.anyOf || found.oneOf || found.allOf;
  if (several) return several.some((each) => each.type === "null") ? null : example(description, several[0], depth + 1);
  if (found.format === "date-time") return "2030-01-01T00:00:00Z";
  if (found.type === "array") return found.items ? [example(description, found.items, depth + 1)] : [];
  if (found.type === "object" || found.properties) {
    const needed = new Set(found.required || []);
    const members = Object.entries(found.properties || {}).filter(([name]) => needed.size === 0 || needed.has(name));
    return Object.fromEntries(members.map(([name, each]) => [name, example(description, each, depth + 1)]));
  }
  return { string: "text", integer: 1, number: 1, boolean: true }[found.type] ?? null;
}

function table(heads, rows) {
  const head = make("tr", "", ...heads.map((each) => make("th", each)));
  return make("table", "", make("thead", "", head), make("tbody", "", ...rows.map((cells) =>
    make("tr", "", ...cells.map((each) => make("td", each || ""))))));
}

function members(description, schema) {
  const found = resolve(description, schema);
  if (!found.properties) return make("p", nameOf(description, schema) || "anything");
  const needed = new Set(found.required || []);
  return table(["member", "what", ""], Object.entries(found.properties).map(([name, each]) =>
    [name + (needed.has(name) ? " *" : ""), nameOf(description, each), each.description]));
}

function bodyOf(description, operation) {
  const content = operation.requestBody && resolve(description, operation.requestBody).content;
  return content && content["application/json"] ? content["application/json"].schema : null;
}

async function send(method, path, fields, body, shown) {
  const query = new URLSearchParams();
  let address = path;
  for (const { name, place, input } of fields) {
    if (place === "path") address = address.replace(new RegExp("\\{" + name + "(:path)?\\}"), () => encodeURIComponent(input.value));
    else if (place === "query" && input.value) query.set(name, input.value);
  }
  const headers = {};
  const key = document.getElementById("key").value.trim();
  if (key) headers.Authorization = "Bearer " + key;
  if (body) headers["Content-Type"] = "application/json";
  shown.textContent = "…";
  try {
    const asked = address + (query.size ? "?" + query : "");
    const answer = await fetch(asked, { method, headers, body: body ? body.value : undefined, credentials: "omit" });
    const text = await answer.text();
    let told = text;
    try { told = JSON.stringify(JSON.parse(text), null, 2); } catch { /* it is no JSON: shown as it came */ }
    shown.textContent = `${answer.status} ${answer.statusText}\n\n${told.slice(0, 200000)}`;
  } catch (error) {
    shown.textContent = `no answer: ${error.message}`;
  }
}

function trial(description, method, path, operation) {
  const fields = (operation.parameters || []).filter((each) => each.in !== "header").map((each) => {
    const input = make("input");
    return { name: each.name, place: each.in, input, label: make("label", `${each.name} `, input) };
  });
  const schema = bodyOf(description, operation);
  const body = schema ? make("textarea") : null;
  if (body) {
    body.value = JSON.stringify(example(description, schema), null, 2);
    body.setAttribute("aria-label", "body");
  }
  const shown = make("pre");
  shown.setAttribute("aria-live", "polite");
  const form = make("form", "", ...fields.map((each) => each.label), ...(body ? [body] : []), make("button", "Send"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(method.toUpperCase(), path, fields, body, shown);
  });
  return make("details", "", make("summary", "Try it"), form, shown);
}

function fill(description, method, path, operation, into) {
  into.append(make("p", operation.description || operation.summary || ""));
  const parameters = operation.parameters || [];
  if (parameters.length) {
    into.append(make("h3", "Parameters"), table(["name", "where", "what", ""], parameters.map((each) =>
      [each.name + (each.required ? " *" : ""), each.in, nameOf(description, each.schema), each.description])));
  }
  const schema = bodyOf(description, operation);
  if (schema) into.append(make("h3", `Body: ${nameOf(description, schema)}`), members(description, schema));
  into.append(make("h3", "Answers"), table(["status", "what", ""], Object.entries(operation.responses || {}).map(
    ([status, each]) => {
      const content = Object.entries(each.content || {})[0];
      return [status, each.description, content ? `${nameOf(description, content[1].schema)} (${content[0]})` : ""];
    })));
  into.append(trial(description, method, path, operation));
}

function call(description, method, path, operation) {
  const name = make("span", method.toUpperCase());
  name.className = "method";
  const node = make("details", "", make("summary", "", name, make("code", path), make("span", ` ${operation.summary || ""}`)));
  node.dataset.words = `${method} ${path} ${operation.summary} ${operation.description}`.toLowerCase();
  node.addEventListener("toggle", () => {
    if (node.open && node.childElementCount === 1) fill(description, method, path, operation, node);
  });
  return node;
}

function show(description) {
  document.getElementById("about").textContent = `${description.info.summary || description.info.title}`;
  const byTag = new Map();
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const method of METHODS.filter((each) => operations[each])) {
      const tag = (operations[method].tags || ["other"])[0];
      byTag.set(tag, [...(byTag.get(tag) || []), call(description, method, path, operations[method])]);
    }
  }
  const sections = [...byTag].map(([tag, calls]) => make("section", "", make("h2", tag), ...calls));
  document.getElementById("calls").replaceChildren(...sections);
}

function filter(words) {
  for (const section of document.querySelectorAll("section")) {
    const calls = [...section.querySelectorAll(":scope > details")];
    for (const each of calls) each.hidden = !each.dataset.words.includes(words);
    section.hidden = calls.every((each) => each.hidden);
  }
}

document.getElementById("search").addEventListener("input", (event) => filter(event.target.value.trim().toLowerCase()));
document.getElementById("access").addEventListener("submit", (event) => event.preventDefault());
fetch("/openapi.json").then((answer) => answer.json()).then(show).catch((error) => {
  document.getElementById("about").textContent = `The description cannot be shown: ${error.message}`;
});
