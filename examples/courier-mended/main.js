// Swift Parcel by SMS: somebody missed a delivery and picks another day.

const http = require('http');

const LOOKUP = 'http://127.0.0.1:8190';
const DRIVER = '+15550163';

function fetchParcel(number) {
  return new Promise((resolve, reject) => {
    http.get(LOOKUP + '/parcels/' + number, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => { body += part; });
      answer.on('end', () => resolve(answer.statusCode === 200 ? JSON.parse(body) : null));
    }).on('error', reject);
  });
}

// One line of the driver's note: texts as they are, everything else as JSON.
function line(name, value) {
  return name + ': ' + (typeof value === 'string' ? value : JSON.stringify(value));
}

// The first message may be any greeting: only what answers our question can be a mistake.
function notANumber(event) {
  if (event.attempt > 1) say('That is not a six-digit number.');
}

function askNumber() {
  const answer = ask('Swift Parcel. Which parcel? Send the six digits on the card.', {
    choices: '[6 DIGITS]',
    attempts: 3,
    timeout: 300,
    onBadChoice: notANumber,
  });
  return answer.name === 'choice' ? answer.value : null;
}

function askDay(parcel) {
  const answer = ask('We have ' + parcel.contents + ' for ' + parcel.address + '. Which day: MONDAY, WEDNESDAY or FRIDAY?', {
    choices: 'Monday(monday, mon, 1), Wednesday(wednesday, wed, 2), Friday(friday, fri, 3), nothing(cancel, none)',
    attempts: 2,
    timeout: 300,
    onBadChoice: () => say('We only drive on Monday, Wednesday and Friday.'),
    onTimeout: () => say('Are you still there?'),
  });
  return answer.name === 'choice' ? answer.value : 'nothing';
}

function confirm(parcel, day) {
  const note = [
    line('parcel', parcel.number),
    line('day', day),
    line('to', parcel.address),
    line('kilograms', parcel.weight),
  ].join('; ');
  message(note, { to: DRIVER, network: 'SMS' });
  log('re-delivery of ' + parcel.number + ' on ' + day);
  say('Thank you. Your parcel comes on ' + day + ' between 9 and 12.');
}

async function main() {
  const number = askNumber();
  if (number === null) {
    say('Please call us on 555 0163.');
    return;
  }
  const parcel = await fetchParcel(number);
  if (parcel === null) {
    say('We have no parcel ' + number + '.');
  } else if (parcel.state === 'delivered') {
    say('Parcel ' + number + ' was delivered to ' + parcel.address + '.');
  } else {
    const day = askDay(parcel);
    if (day === 'nothing') {
      say('We keep it at the depot for seven days.');
    } else {
      confirm(parcel, day);
    }
  }
}

main();
