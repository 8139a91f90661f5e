// Asks through the official SDK and prints the answer as it arrives: ask.mjs [QUESTION [-a IMAGE]], or the question on standard
// input.

import { readFileSync } from "node:fs";

import Anthropic from "@anthropic-ai/sdk";

const [question, , image] = process.argv.slice(2);
const content = [{ type: "text", text: question ?? readFileSync(0, "utf8") }];
if (image) {
  const data = readFileSync(image).toString("base64");
  content.unshift({ type: "image", source: { type: "base64", media_type: "image/png", data } });
}
const messages = [{ role: "user", content }];
const stream = new Anthropic().messages.stream({ model: "claude-3-haiku-20240307", max_tokens: 4096, messages });
stream.on("text", (piece) => process.stdout.write(piece));
await stream.finalMessage();
