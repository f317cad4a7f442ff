// Answers over HTTP with a greeting from app.json; reads it again at SIGHUP. Errors end it, as Node has them do.
'use strict';
const fs = require('fs');
const http = require('http');
const { spawn } = require('child_process');

let config = JSON.parse(fs.readFileSync('app.json', 'utf8'));
process.on('SIGHUP', () => { config = JSON.parse(fs.readFileSync('app.json', 'utf8')); console.log('config read again'); });

const server = http.createServer((request, response) => {
  if (request.url === '/child') {
    // A helper that inherits the listening socket and outlives its parent, as badly detached ones do.
    const child = spawn('sleep', ['1000'], { detached: true, stdio: ['ignore', 'ignore', 'ignore', server._handle.fd] });
    child.unref();
    response.end(String(child.pid));
    return;
  }
  if (request.url === '/health') { response.end('ok'); return; }
  try {
    response.end(config.greeting.text.toUpperCase() + '\n');
  } catch (error) {
    console.error(error.stack);
    response.statusCode = 500;
    response.end('Internal Server Error\n');
  }
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log(`listening on ${process.argv[2]}`));
