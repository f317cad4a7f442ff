// Fetches a page ten times a second and writes when it last got it. fetch.json: url. Errors are logged, and it goes on.
'use strict';
const fs = require('fs');
const http = require('http');
const https = require('https');
const { url } = JSON.parse(fs.readFileSync('fetch.json', 'utf8'));
const options = { timeout: 1000, agent: false, ca: fs.existsSync('cert.pem') ? fs.readFileSync('cert.pem') : undefined };

function once() {
  const request = (url.startsWith('https') ? https : http).get(url, options, (answer) => {
    answer.resume();
    if (answer.statusCode !== 200) console.error(`fetch failed: HTTP ${answer.statusCode} ${answer.statusMessage}`);
    else { fs.writeFileSync('fetched.new', `${Date.now()}\n`); fs.renameSync('fetched.new', 'fetched'); }
    setTimeout(once, 100);
  });
  request.on('error', (error) => { console.error(error); setTimeout(once, 100); });
}
once();
