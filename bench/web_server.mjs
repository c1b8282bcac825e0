// Node's servers of bench/web.lua: prints its port, then serves. usage: node web_server.mjs WHAT
import { createWriteStream } from "node:fs";
import http from "node:http";
import express from "express";
import morgan from "morgan";

const what = process.argv[2];
const body = "hello world\n";
const log = createWriteStream("/dev/null");

const plain = (req, res) => {
  if (what === "http-log") {
    const began = process.hrtime.bigint();
    res.on("finish", () => {
      const ms = Number(process.hrtime.bigint() - began) / 1e6;
      log.write(`${req.socket.remoteAddress} - - [${new Date().toISOString()}] "${req.method} ${
        req.url} HTTP/${req.httpVersion}" ${res.statusCode} ${body.length} "${
        req.headers.referer ?? "-"}" "${req.headers["user-agent"] ?? "-"}" ${ms.toFixed(3)}\n`);
    });
  }
  res.writeHead(200, {
    "Content-Type": "text/plain; charset=utf-8", "Content-Length": body.length,
  });
  res.end(body);
};

const application = () => {
  const app = express();
  app.set("env", "production");
  if (what === "express-before") {
    app.use((req, _res, next) => {
      req.user = "ann";
      next();
    });
  }
  if (what === "express-log") app.use(morgan("combined", { stream: log }));
  app.get("/", (_req, res) => res.type("text/plain").send(body));
  return app;
};

const server = http.createServer(what.startsWith("express") ? application() : plain);
server.keepAliveTimeout = 60000;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
