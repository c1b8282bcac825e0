// The panels of the demo. Each example says what it shows and how it connects; the rest is shared.
'use strict';

const MOST_OPEN = 5; // of the six connections a browser opens to a host over HTTP/1.1
const MOST_LINES = 50;
const STATES = ['connecting', 'open', 'closed'];

const $ = (id) => document.getElementById(id);
const open = []; // panels, the longest open first

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// A line of a shell, which may be broken behind the slashes of a URL.
function breakable(text) {
  return text.split(/(?<=[^/]\/)/).flatMap((part) => [part, element('wbr')]);
}

// Puts a text on the clipboard, also where the page did not come over TLS or from this machine. The
// focus stays where it is.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const focused = document.activeElement;
  const area = element('textarea', { value: text });
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  focused.focus();
  return copied ? undefined : Promise.reject(new Error('not allowed'));
}

class Panel {
  constructor(example) {
    this.example = example;
    const root = $('panel').content.cloneNode(true).firstElementChild;
    const part = (name) => root.querySelector(`.${name}`);
    this.root = root;
    this.badge = part('badge');
    this.last = part('last');
    this.log = part('log');
    this.reason = part('reason');
    this.buttons = [part('connect'), part('disconnect')];
    const ids = { connect: 0, disconnect: 0, badge: 'state', last: 0, log: 0, reason: 0, copy: 0 };
    for (const [name, id] of Object.entries(ids)) part(name).id = `${example.name}-${id || name}`;
    root.classList.toggle('minor', !example.major);
    root.querySelector('h2').textContent = example.title;
    part('about').textContent = example.about;
    part('curl').append(...breakable(example.curl));
    part('page').hidden = !example.page;
    part('page').href = example.page ?? '';
    const [start, stop] = example.buttons ?? ['Connect', 'Disconnect'];
    this.buttons[0].textContent = start;
    this.buttons[1].textContent = stop;
    this.buttons[0].onclick = () => this.connect();
    this.buttons[1].onclick = () => this.disconnect();
    part('copy').onclick = ({ target }) => this.copy(target);
    part('toggle').onclick = ({ target }) => {
      target.ariaExpanded = String(root.classList.toggle('expanded'));
    };
    this.parts = example.view(part('view'), this);
  }

  copy(button) {
    copy(this.example.curl).then(() => { button.textContent = 'Copied'; },
      () => { button.textContent = 'Not allowed'; });
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  }

  // A button that is disabled gives its focus to the other one.
  setState(state) {
    const [start, stop] = this.buttons;
    const focused = this.buttons.includes(document.activeElement);
    this.root.dataset.state = state;
    this.badge.textContent = state;
    start.disabled = state !== 'closed';
    stop.disabled = state === 'closed';
    if (focused) (state === 'closed' ? start : stop).focus();
    const at = open.indexOf(this);
    if (state === 'closed' && at >= 0) open.splice(at, 1);
    if (state !== 'closed' && at < 0) open.push(this);
    $('count').textContent = open.length;
  }

  // A line of the log; `own` is what the page itself says.
  write(type, text, own = false) {
    const line = element('li', { className: own ? 'own' : '' },
      element('b', { textContent: type }), element('span', { textContent: text }));
    this.log.append(line);
    if (this.log.children.length > MOST_LINES) this.log.firstChild.remove();
    this.log.scrollTop = this.log.scrollHeight;
  }

  connect() {
    if (this.connection) return;
    if (open.length >= MOST_OPEN) {
      open[0].disconnect(`closed to make room for “${this.example.title}”`, true);
    }
    this.say('');
    this.example.reset?.(this.parts);
    this.setState('connecting');
    this.connection = this.example.connect(this, this.parts);
  }

  // Says below the buttons why the panel was closed; `aloud` also above all panels, since it may be
  // out of sight.
  say(why, aloud = false) {
    this.reason.hidden = !why;
    this.reason.textContent = why;
    this.reason.classList.toggle('aloud', aloud);
    if (aloud) $('said').textContent = `${this.example.title}: ${why}.`;
  }

  disconnect(why = '', aloud = false) {
    if (!this.connection) return;
    this.connection.close();
    this.connection = null;
    this.setState('closed');
    this.write('closed', why || 'disconnected', true);
    this.say(why, aloud);
  }
}

// An EventSource whose events of these types go into the log and then to their functions.
function listen(panel, url, handlers) {
  const source = new EventSource(`${panel.example.name}/${url}`);
  source.onopen = () => {
    panel.setState('open');
    panel.write('open', 'connected', true);
  };
  source.onerror = () => {
    if (panel.connection !== source) return;
    if (source.readyState === EventSource.CLOSED) {
      handlers.refused?.();
      return panel.disconnect('refused');
    }
    if (handlers.error) return handlers.error();
    if (panel.badge.textContent === 'open') panel.write('error', 'lost; connecting again', true);
    panel.setState(STATES[source.readyState]);
  };
  for (const [type, handle] of Object.entries(handlers)) {
    if (type === 'error' || type === 'refused') continue;
    source.addEventListener(type, (event) => {
      if (event.lastEventId) panel.last.textContent = event.lastEventId;
      if (handle(event) !== false) panel.write(type, event.data);
    });
  }
  return source;
}

function note(text = '') {
  return element('div', { className: 'note', textContent: text });
}

const clock = {
  name: 'clock',
  title: 'Clock',
  major: true,
  about: 'The time each second. After a cut the server tells from where it goes on.',
  curl: 'curl -N http://{host}/clock/stream',
  page: 'clock/',
  automatic: true,
  view(view) {
    const parts = { time: element('time', { className: 'big', textContent: '--:--:--' }) };
    parts.note = note('not cut off so far');
    view.append(parts.time, parts.note);
    return parts;
  },
  connect(panel, parts) {
    return listen(panel, 'stream', {
      message(event) { parts.time.textContent = event.data; },
      resumed(event) { parts.note.textContent = event.data; },
    });
  },
};

function send(panel, input) {
  fetch('notice/notices', { method: 'POST', body: input.value })
    .then((response) => response.json())
    .then(({ sent }) => panel.write('sent', `to ${sent} open stream${sent === 1 ? '' : 's'}`, true))
    .catch((error) => panel.write('failed', error.message, true));
}

const notice = {
  name: 'notice',
  title: 'Notices',
  about: 'Named events, several lines or JSON, and how far a long task is. It ends by itself.',
  curl: 'curl -d "Hello" http://{host}/notice/notices',
  automatic: true,
  view(view, panel) {
    const parts = { text: note('no notice yet'), fill: element('div', { className: 'fill' }) };
    const input = element('input', { value: 'Hello from the page', ariaLabel: 'notice' });
    const button = element('button', { textContent: 'Send', onclick: () => send(panel, input) });
    parts.text.style.whiteSpace = 'pre-line';
    view.append(parts.text, element('div', { className: 'track' }, parts.fill),
      element('div', { className: 'row' }, input, button));
    return parts;
  },
  reset(parts) { parts.fill.style.width = 0; },
  connect(panel, parts) {
    return listen(panel, 'notices', {
      status() {},
      notice(event) { parts.text.textContent = event.data; },
      progress(event) { parts.fill.style.width = `${JSON.parse(event.data).percent}%`; },
      done(event) {
        panel.write('done', event.data);
        panel.disconnect('the server was done');
        return false;
      },
    });
  },
};

const typewriter = {
  name: 'typewriter',
  title: 'Typewriter',
  about: 'A text file, one character at a time; characters, not bytes.',
  curl: 'curl -N http://{host}/typewriter/api/sse',
  automatic: true,
  view(view) {
    const columns = ['en', 'zh'].map((lang) => element('div', { className: 'text', lang }));
    view.append(element('div', { className: 'paper' }, ...columns));
    return { columns, text: '' };
  },
  reset(parts) {
    parts.text = '';
    for (const column of parts.columns) column.textContent = '';
  },
  connect(panel, parts) {
    return listen(panel, 'api/sse', {
      hello() {},
      // An empty line is between the two columns.
      char(event) {
        parts.text += event.data;
        parts.text.split('\n\n').forEach((text, i) => {
          if (parts.columns[i]) parts.columns[i].textContent = text;
        });
        return false;
      },
      end() {
        panel.disconnect('the text has ended');
        return false;
      },
    });
  },
};

const monitor = {
  name: 'monitor',
  title: 'Monitor',
  about: 'A status every five seconds, for pages of any origin, until the page leaves.',
  curl: 'curl -N http://{host}/monitor/events',
  automatic: true,
  view(view) {
    const parts = { date: element('div', { className: 'mid', textContent: 'no status yet' }) };
    parts.note = note();
    parts.count = 0;
    view.append(parts.date, parts.note);
    return parts;
  },
  connect(panel, parts) {
    return listen(panel, 'events', {
      data(event) {
        parts.count += 1;
        parts.date.textContent = new Date(JSON.parse(event.data).date).toLocaleString();
        parts.note.textContent = `${parts.count} received`;
      },
    });
  },
};

const page = {
  name: 'page',
  title: 'Ten events',
  about: 'Ten events with id and retry that echo the query; then the server ends the stream.',
  curl: 'curl -N "http://{host}/page/sse?content=hello"',
  page: 'page/',
  view(view) {
    const input = element('input', { value: 'Hello, world', ariaLabel: 'content' });
    const chinese = element('button', { textContent: '你好，世界', lang: 'zh' });
    chinese.onclick = () => { input.value = chinese.textContent; };
    const steps = element('div', { className: 'steps' });
    for (let n = 0; n < 10; n += 1) steps.append(element('i'));
    view.append(element('div', { className: 'row' }, input, chinese), steps);
    return { input, steps };
  },
  reset(parts) { for (const step of parts.steps.children) step.className = ''; },
  connect(panel, parts) {
    return listen(panel, `sse?content=${encodeURIComponent(parts.input.value)}`, {
      echo(event) { parts.steps.children[event.lastEventId - 1].className = 'done'; },
      error() { panel.disconnect('the server ended it'); },
    });
  },
};

async function converse(panel, parts, signal) {
  const response = await fetch('fetch_post/chat', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ prompt: parts.input.value }),
    signal,
  });
  if (!response.ok) throw new Error(`status ${response.status}`);
  panel.setState('open');
  for await (const piece of readers(response.body.pipeThrough(new TextDecoderStream()))) {
    parts.text.textContent += piece;
    panel.write('piece', piece);
  }
}

// Not every browser's streams can be iterated yet.
async function* readers(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

const fetchPost = {
  name: 'fetch_post',
  title: 'Fetch',
  about: 'A POST answered word by word; an AbortController stops it half-way.',
  buttons: ['Send', 'Stop'],
  major: true,
  curl: 'curl -Nd \'{"prompt":"Why is the sky blue?"}\' http://{host}/fetch_post/chat',
  view(view) {
    const input = element('input', { value: 'Why is the sky blue?', ariaLabel: 'prompt' });
    const text = element('div', { className: 'text' });
    view.append(element('div', { className: 'row' }, input), text);
    return { input, text };
  },
  reset(parts) { parts.text.textContent = ''; },
  connect(panel, parts) {
    const controller = new AbortController();
    const connection = { close: () => controller.abort() };
    const over = (why) => panel.connection === connection && panel.disconnect(why);
    converse(panel, parts, controller.signal)
      .then(() => over('the answer is complete'), (error) => over(error.message));
    return connection;
  },
};

async function ask(parts, signal) {
  const response = await fetch('resume/answers', {
    method: 'POST', body: parts.input.value, signal,
  });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return (await response.json()).id;
}

function readAnswer(panel, parts) {
  parts.text.textContent = '';
  const end = (why) => {
    parts.id = null;
    panel.disconnect(why);
    return false;
  };
  return listen(panel, `answers/${parts.id}`, {
    question() {},
    text(event) {
      parts.text.append(event.data);
      parts.text.scrollTop = parts.text.scrollHeight;
    },
    done: () => end('the answer is complete'),
    failed: (event) => end(event.data),
    refused() { parts.id = null; }, // the server was restarted, or an hour is over
  });
}

const resume = {
  name: 'resume',
  title: 'An answer that stays',
  about: 'Disconnect while the model answers, and connect again; reload its page. All of the text, once.',
  buttons: ['Ask', 'Disconnect'],
  major: true,
  curl: 'url=http://{host}/resume/answers; curl -N $url/$(curl -sd "Why?" $url | cut -d\\" -f4)',
  page: 'resume/',
  view(view) {
    const input = element('input', { value: 'Why is the sky blue?', ariaLabel: 'question' });
    const text = element('div', { className: 'text long' });
    view.append(element('div', { className: 'row' }, input), text);
    return { input, text };
  },
  connect(panel, parts) {
    if (parts.id) return readAnswer(panel, parts);
    const controller = new AbortController();
    const asking = { close: () => controller.abort() };
    ask(parts, controller.signal).then((id) => {
      if (panel.connection !== asking) return;
      parts.id = id;
      panel.connection = readAnswer(panel, parts);
    }, (error) => panel.connection === asking && panel.disconnect(error.message));
    return asking;
  },
};

const panels = [clock, notice, typewriter, monitor, page, fetchPost, resume].map((example) => {
  example.curl = example.curl.replaceAll('{host}', location.host);
  return new Panel(example);
});

// On a phone only the major panels are there at first; those that nobody sees do not connect.
function connectShown() {
  for (const panel of panels) {
    if (panel.example.automatic && panel.root.offsetParent) panel.connect();
  }
}

$('panels').append(...panels.map(({ root }) => root));
$('all').onclick = () => {
  document.body.classList.add('all');
  panels.find(({ root }) => root.classList.contains('minor')).buttons[0].focus();
  connectShown();
};
$('why').onkeydown = (event) => event.key === 'Escape' && $('why').blur();
connectShown();
