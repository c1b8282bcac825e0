// npm's better-sse under the same load: GET /events follows, POST /publish sends its body as an
// event, with ?burst=B as B events of equal size; GET /gc collects garbage. Prints its port.
// usage: node --expose-gc better_sse_server.mjs
import { createServer } from 'node:http'
import { createChannel, createSession } from 'better-sse'

const channel = createChannel()
// Sends text as it is, and no keep-alive comments.
const options = { serializer: String, keepAlive: null }

async function publish(request, response, burst) {
  let body = ''
  request.setEncoding('latin1')
  for await (const piece of request) body += piece
  const size = Math.floor(body.length / burst)
  for (let i = 0; i < burst; i++) channel.broadcast(body.slice(i * size, (i + 1) * size))
  response.writeHead(204).end()
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://127.0.0.1')
  if (url.pathname === '/events') {
    channel.register(await createSession(request, response, options))
  } else if (url.pathname === '/publish') {
    await publish(request, response, Number(url.searchParams.get('burst') ?? 1))
  } else {
    gc()
    gc()
    response.writeHead(204).end()
  }
})
server.keepAliveTimeout = 0 // the publisher may be silent for long
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(server.address().port)
})
