// Node's server of bench/requests.lua: prints its port, then serves. usage: node FILE [CERT KEY]
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";

const [, , cert, key] = process.argv;
const handler = (req, res) => {
  const fields = { "Content-Type": "text/plain; charset=utf-8" };
  if (req.url === "/fields") {
    Object.assign(fields, { "Cache-Control": "no-store", "X-Frame-Options": "DENY" });
  }
  const name = req.url.startsWith("/hello/") ? decodeURIComponent(req.url.slice(7)) : "world";
  const body = `hello ${name}\n`;
  fields["Content-Length"] = Buffer.byteLength(body);
  res.writeHead(200, fields);
  res.end(body);
};
const server = key
  ? https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, handler)
  : http.createServer(handler);
server.keepAliveTimeout = 60000;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
