// Asks `langdock serve` through the official TypeScript SDK.
//
//     ask.mjs BASE_URL LIMITED_BASE_URL KEY
//
// The limited server accepts one request per minute for each model.

import { readFileSync } from "node:fs";

import Anthropic from "@anthropic-ai/sdk";

const [BASE_URL, LIMITED_BASE_URL, KEY] = process.argv.slice(2);
const PACKAGE = new URL("node_modules/@anthropic-ai/sdk/package.json", import.meta.url);
const { version: VERSION } = JSON.parse(readFileSync(PACKAGE, "utf8"));
// A different model than in the Python script, so that they do not share a limit.
const MODEL = "claude-3-5-sonnet-20240620";
// A PNG of one pixel.
const DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg==";
const TOOL = {
  name: "get_stock_price",
  description: "The price of a stock",
  input_schema: {
    type: "object",
    properties: { ticker: { type: "string", description: "Its symbol" } },
    required: ["ticker"],
  },
};

const client = (baseURL = BASE_URL, apiKey = KEY) => new Anthropic({ baseURL, apiKey, maxRetries: 0 });

const request = (prompt, more = {}) => ({
  model: MODEL,
  max_tokens: 1024,
  messages: [{ role: "user", content: prompt }],
  ...more,
});

function fail(what, ...evidence) {
  console.error(`sdk: typescript: ${what}`, ...evidence);
  process.exit(1);
}

function check(holds, what, ...evidence) {
  if (!holds) fail(what, ...evidence);
  console.log(`typescript ${VERSION}: ${what}`);
}

async function raises(kind, status, what, call) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    check(error instanceof kind && error.status === status && error.requestID, what, error);
    return error;
  }
  return fail(`${what}: no error but`, answer);
}

async function plain() {
  const message = await client().messages.create(request("Hello there"));
  const { text } = message.content[0];
  const good = message.stop_reason === "end_turn" && message.usage.output_tokens > 0 && message._request_id;
  check(good && text.includes("Hello there"), "a plain answer", message);
  return text;
}

async function streamed(whole) {
  const pieces = [];
  const stream = client().messages.stream(request("Hello there"));
  stream.on("text", (piece) => pieces.push(piece));
  const message = await stream.finalMessage();
  const good = pieces.length > 5 && message.stop_reason === "end_turn" && message.usage.output_tokens > 0;
  const same = pieces.join("") === whole && message.content[0].text === whole;
  check(good && same, "the same answer streamed", pieces, message);
}

async function tool() {
  const prompt = "What does ^GSPC cost?";
  const call = await client().messages.create(request(prompt, { tools: [TOOL] }));
  const use = call.content.at(-1);
  const good = call.stop_reason === "tool_use" && use.type === "tool_use" && use.name === TOOL.name;
  check(good && typeof use.input.ticker === "string", "a tool is called", call);
  const messages = [
    { role: "user", content: prompt },
    { role: "assistant", content: call.content },
    { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "259.75 USD" }] },
  ];
  const answer = await client().messages.create(request(prompt, { tools: [TOOL], messages }));
  const used = answer.stop_reason === "end_turn" && answer.content[0].text.includes("259.75 USD");
  check(used, "its result is used", answer);
}

async function streamedTool() {
  const message = await client().messages.stream(request("What does ^GSPC cost?", { tools: [TOOL] })).finalMessage();
  const use = message.content.at(-1);
  check(use.type === "tool_use" && typeof use.input.ticker === "string", "a tool is called in a stream", message);
}

async function image() {
  const source = { type: "base64", media_type: "image/png", data: DOT };
  const content = [
    { type: "image", source },
    { type: "text", text: "What is this?" },
  ];
  const message = await client().messages.create(request("", { messages: [{ role: "user", content }] }));
  const seen = message.stop_reason === "end_turn" && message.content[0].text.includes("image");
  check(seen, "an image is seen", message);
}

async function errors() {
  const ask = (client, more) => () => client.messages.create(request("Hi", more));
  await raises(Anthropic.AuthenticationError, 401, "a wrong key is refused", ask(client(BASE_URL, "sk-wrong")));
  const unknown = ask(client(), { model: "claude-x" });
  const error = await raises(Anthropic.BadRequestError, 400, "an unknown model is refused", unknown);
  check(error.message.includes(MODEL), "the models that there are are named", error.message);
  const limited = ask(client(LIMITED_BASE_URL));
  await limited();
  const second = await raises(Anthropic.RateLimitError, 429, "a second request in a minute is refused", limited);
  const wait = Number(second.headers.get("retry-after"));
  check(wait >= 1 && wait <= 60, "it tells how long to wait", second.headers);
}

async function models() {
  const ids = [];
  for await (const model of client().models.list()) ids.push(model.id);
  check(ids.includes(MODEL), "the models are listed", ids);
}

await image();
await streamed(await plain());
await tool();
await streamedTool();
await errors();
await models();
