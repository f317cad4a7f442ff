// Remembers every request for good, and, once told to, much more.
'use strict';
const http = require('http');
const seen = [];
http.createServer((request, response) => {
  if (request.url === '/leak') setInterval(() => seen.push(Buffer.alloc(8e6, 1)), 100);
  seen.push(request.url);
  response.end(`${seen.length}\n`);
}).listen(Number(process.argv[2]), '127.0.0.1');
