// A program of its day on the published Node.js library: it asks for a cake and says which it was.
const http = require('http');
const library = require(process.argv[2]);

function answer(path, posted) {
  const tropo = new library.TropoWebAPI();
  if (path === '/') {
    const session = Session(posted);
    tropo.say('Welcome, ' + session.from.id + '. You wrote: ' + session.initialText);
    const prompts = [{value: 'We have none.', event: 'nomatch'}];
    tropo.ask(new Choices('apple(apple, boskop), cherry', 'any'), 3, true, null, 'cake', null, true,
      new Say('Which cake?', null, prompts), 30, null);
    tropo.on('continue', null, '/cake', true);
    tropo.on('incomplete', null, '/none', true);
  } else if (path === '/cake') {
    const result = Result(posted);
    tropo.say(result.value + ' from ' + result.interpretation);
    tropo.message(new Say('A cake is ordered'), '+14155550122', null, 'TEXT', null, null, 'SMS', true, 30);
    tropo.wait(1);
    tropo.hangup();
  }
  return library.TropoJSON(tropo);
}

const server = http.createServer((request, response) => {
  let posted = '';
  request.on('data', (piece) => { posted += piece; });
  request.on('end', () => {
    response.writeHead(200, {'Content-Type': 'application/json'});
    response.end(answer(request.url, posted));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
